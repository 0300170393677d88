"""`motia create`"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from motia.cli.options import AsJson
from motia.cli.output import print_json, print_line
from motia.errors import SettingsError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
# Dot files under their own names would be hidden here, and some tools that pack wheels drop them.
_DOT = "dot-"
# A project folder of this name would hide the package for whoever stands beside it.
_TAKEN = {"motia"}
_KEPT = {".git"}


def create(
    name: Annotated[str, typer.Argument(help="Directory to make; . is the current one, if it is empty.")],
    template: Annotated[
        Literal["python", "empty"], typer.Option("--template", "-t", help="What to start from.")
    ] = "python",
    as_json: AsJson = False,
) -> None:
    """Make a project that runs, with tests that pass."""
    target = Path(name).absolute()
    _check(target)
    written = write_template(template, target)
    if as_json:
        print_json({"path": str(target), "template": template, "files": written})
        return
    print_line(f"{target}: {len(written)} files\n\nNext:")
    if name != ".":
        print_line(f"  cd {name}")
    print_line("  motia dev          # API on http://127.0.0.1:3001, Workbench on http://127.0.0.1:3000")
    print_line("  python -m pytest   # runs the tests")


def write_template(template: str, target: Path) -> list[str]:
    """Write the files of a template below `target`; returns their names, sorted."""
    from importlib import metadata, resources

    source = resources.files("motia.cli") / "templates" / template
    fill = {"{{name}}": target.name, "{{version}}": metadata.version("motia-steps")}
    written = []
    for parts, file in _files(source, ()):
        text = file.read_text("utf-8")
        for placeholder, value in fill.items():
            text = text.replace(placeholder, value)
        path = target.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        written.append("/".join(parts))
    return sorted(written)


def _files(folder: Traversable, parts: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Traversable]]:
    for item in folder.iterdir():
        if item.name == "__pycache__":
            continue
        name = "." + item.name.removeprefix(_DOT) if item.name.startswith(_DOT) else item.name
        if item.is_dir():
            yield from _files(item, (*parts, name))
        else:
            yield (*parts, name), item


def _check(target: Path) -> None:
    if not _NAME.fullmatch(target.name) or target.name.lower() in _TAKEN:
        raise SettingsError(
            f"create: expected a name of letters, digits, - and _ other than 'motia', got {target.name!r}",
            code="create.bad_name",
            hint="for example: motia create my-app",
        )
    if target.is_file() or (target.is_dir() and any(item.name not in _KEPT for item in target.iterdir())):
        raise SettingsError(
            f"create: expected a new or empty directory, got {target}, which is not empty",
            code="create.not_empty",
            hint="choose another name; nothing was written",
        )
