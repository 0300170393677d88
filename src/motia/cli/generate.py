"""`motia generate …`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from motia.cli.options import HERE, AsJson, ProjectDir
from motia.cli.output import EXIT_FAILED, note, print_error, print_json, print_line, writing
from motia.cli.project import discover, load_project

app = typer.Typer(help="Write files made from the steps.")


@app.callback()
def _group() -> None:
    pass


@app.command("types")
def types(
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File for TypeScript; default types.d.ts.", show_default=False),
    ] = None,
    python: Annotated[
        bool, typer.Option("--python", help="Also motia_types.py, with a TypedDict a topic and stream.")
    ] = False,
    directory: ProjectDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Write types.d.ts: the handlers, topics and streams as types. `motia dev` does so on save."""
    target = output.absolute() if output is not None else None
    settings = load_project(directory).settings
    discovered = discover(settings)
    from motia.typegen.files import PYTHON_FILE, TYPESCRIPT_FILE, write_if_changed
    from motia.typegen.python import python_stub
    from motia.typegen.typescript import typescript_declarations

    registry = discovered.registry
    texts = {target or settings.project_dir / TYPESCRIPT_FILE: typescript_declarations(registry)}
    if python:
        texts[settings.project_dir / PYTHON_FILE] = python_stub(registry)
    with writing():
        changed = [str(path) for path, text in texts.items() if write_if_changed(path, text)]
    if as_json:
        print_json({"files": [str(path) for path in texts], "changed": changed})
    else:
        for path in texts:
            print_line(f"{path}{'' if str(path) in changed else ' (unchanged)'}")
    for problem in discovered.problems:
        print_error(problem)
    if discovered.problems:
        note("broken steps are missing in the types")
        raise typer.Exit(EXIT_FAILED)


@app.command("openapi")
def openapi(
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File to write; - is stdout. Default: openapi.json."),
    ] = None,
    title: Annotated[
        str | None, typer.Option("--title", "-t", help="Default: the project's directory.")
    ] = None,
    version: Annotated[str, typer.Option("--version", "-v", help="Version of your API.")] = "1.0.0",
    directory: ProjectDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Write the OpenAPI document of the HTTP steps."""
    to_stdout = str(output) == "-" or (output is None and as_json)
    target = (output or Path("openapi.json")).absolute()
    settings = load_project(directory).settings
    discovered = discover(settings)
    from motia.http.openapi import openapi as make_document

    document = make_document(
        discovered.registry, title=title or settings.project_dir.resolve().name, version=version
    )
    if not to_stdout:
        import json

        with writing():
            target.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", "utf-8")
    if to_stdout or as_json:
        print_json(document)
    else:
        print_line(str(target))
    for problem in discovered.problems:
        print_error(problem)
    if discovered.problems:
        note("broken steps are missing in the document")
        raise typer.Exit(EXIT_FAILED)
