"""`motia config …`"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from motia.cli.options import HERE, AsJson, ProjectDir
from motia.cli.output import note, print_json, print_table
from motia.cli.project import load_project

app = typer.Typer(help="Look at the settings.")


@app.callback()
def _group() -> None:
    pass


_HIDDEN = "********"


@app.command("show")
def show(
    directory: ProjectDir = HERE,
    production: Annotated[bool, typer.Option("--production", help="As `motia start` sees them.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print every setting, its value and where the value comes from."""
    loaded = load_project(directory, mode="production" if production else None)
    document = loaded.settings.model_dump(mode="json")
    rows = [(name, _value(document, name), origin) for name, origin in loaded.origins.items()]
    if as_json:
        print_json(
            {
                "mode": loaded.settings.mode,
                "project_dir": str(loaded.settings.project_dir),
                "settings": {name: {"value": value, "origin": origin} for name, value, origin in rows},
                "notices": loaded.notices,
            }
        )
        return
    print_table(
        ("SETTING", "VALUE", "ORIGIN"), ((name, _shown(value), origin) for name, value, origin in rows)
    )
    for notice in loaded.notices:
        note(notice)


def _value(document: Any, name: str) -> Any:
    from motia.settings.names import SECRETS

    for part in name.split("."):
        document = document[part]
    return _HIDDEN if name in SECRETS and document is not None else document


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    return "-" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
