"""`motia create`"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from motia.cli.npm_package import write_npm_package
from motia.cli.options import AsJson
from motia.cli.output import print_json, print_line, writing
from motia.cli.package_manager import package_manager_of
from motia.core.wording import counted
from motia.errors import SettingsError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
# Dot files under their own names would be hidden here, and some tools that pack wheels drop them.
_DOT = "dot-"
# A project folder of this name would hide the package for whoever stands beside it.
_TAKEN = {"motia"}
_KEPT = {".git"}
Template = Literal["python", "empty", "typescript", "javascript", "multilang", "full-stack"]
_PARTS = {
    "python": ("python",),
    "empty": ("empty",),
    **{name: ("script", name) for name in ("typescript", "javascript", "multilang", "full-stack")},
}
"""Folders of files that make up a template; later ones win."""
_STEPS = {"full-stack": "motia"}
"""Where the folder `steps` of other parts goes."""
_CHOICES: dict[str, dict[str, Template]] = {
    "Full-stack": {"TypeScript": "full-stack"},
    "Backend": {
        "TypeScript": "typescript",
        "JavaScript": "javascript",
        "Python": "python",
        "Several": "multilang",
    },
    "Empty": {"Python": "empty"},
}
"""What is asked for, and the languages it comes in."""
_FEATURES = {"API + Background Jobs": False, "API + Background Jobs + AI Integration": True}
"""What is asked for, and whether that takes an agent."""


def create(
    name: Annotated[
        str | None,
        typer.Argument(help="Directory to make; . is the current one, if it is empty.", show_default=False),
    ] = None,
    template: Annotated[Template, typer.Option("--template", "-t", help="What to start from.")] = "python",
    interactive: Annotated[
        bool,
        typer.Option(
            "--interactive", "-i", help="Ask for the name, the template, the language and the features."
        ),
    ] = False,
    ai: Annotated[bool, typer.Option("--ai", help="Add a step in which a model answers questions.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a project that runs, with tests that pass."""
    if interactive:
        name, template, ai = _ask(name)
    if name is None:
        raise typer.BadParameter("expected a directory; -i asks for everything", param_hint="NAME")
    target = Path(name).absolute()
    _check(target)
    with writing():
        written = write_template(template, target, ai=ai)
    if as_json:
        print_json({"path": str(target), "template": template, "files": written})
        return
    print_line(f"{target}: {counted(len(written), 'file')}\n\nNext:")
    if name != ".":
        print_line(f"  cd {name}")
    commands = _next_commands(template, target, ai=ai)
    width = max(len(command) for command, _ in commands)
    for command, what in commands:
        print_line(f"  {command:<{width}}  # {what}")


def _ask(name: str | None) -> tuple[str, Template, bool]:
    """The answers of the person at the terminal; an empty one is the first choice."""
    name = name or typer.prompt("Name of the project", default="my-app")
    languages = _CHOICES[_choose("Template", list(_CHOICES))]
    language = _choose("Language", list(languages))
    return name, languages[language], _FEATURES[_choose("Features", list(_FEATURES))]


def _choose(what: str, choices: list[str]) -> str:
    for number, choice in enumerate(choices, 1):
        print_line(f"  {number}  {choice}")
    answer = typer.prompt(what, default="1").strip()
    named = [choice for choice in choices if choice.lower() == answer.lower()]
    if named:
        return named[0]
    if answer.isdigit() and 1 <= int(answer) <= len(choices):
        return choices[int(answer) - 1]
    raise typer.BadParameter(f"expected a number from 1 to {len(choices)}, got {answer!r}")


def _next_commands(template: str, target: Path, *, ai: bool) -> list[tuple[str, str]]:
    serves = "API on http://127.0.0.1:3001, Workbench on http://127.0.0.1:3000"
    agents = [(f"pip install '{_distribution(ai)}'", "the library that asks models")] if ai else []
    if "script" not in _PARTS[template]:
        return [
            *agents,
            ("motia dev", serves),
            ("pip install -r requirements.txt", "pytest"),
            ("python -m pytest", "runs the tests"),
        ]
    npm = package_manager_of(target)
    commands = [
        (npm.install, "zod, types"),
        (f"{npm.run} dev", serves),
        (f"{npm.run} test", "runs the tests"),
    ]
    if template == "multilang":
        commands.insert(0, ("pip install -r requirements.txt", "pytest"))
    return [*agents, *commands]


def _distribution(ai: bool) -> str:
    return "motia-steps[agents]" if ai else "motia-steps"


def write_template(template: str, target: Path, *, ai: bool = False) -> list[str]:
    """Write the files of a template below `target`; returns their names, sorted."""
    from importlib import metadata, resources

    fill = {
        "{{name}}": target.name,
        "{{version}}": metadata.version("motia-steps"),
        "{{distribution}}": _distribution(ai),
    }
    selected = (*_PARTS[template], *(("ai",) if ai else ()))
    folders = [resources.files("motia.cli") / "templates" / part for part in selected]
    written = set(write_npm_package(target)) if "script" in selected else set()
    for parts, file in (found for folder in folders for found in _files(folder, ())):
        if parts[0] == "steps" and template in _STEPS:
            parts = (_STEPS[template], *parts)
        text = file.read_text("utf-8")
        for placeholder, value in fill.items():
            text = text.replace(placeholder, value)
        path = target.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        written.add("/".join(parts))
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
