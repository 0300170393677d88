"""`motia start`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from motia.cli.options import HERE, Host, Port, ProjectDir
from motia.cli.output import note
from motia.cli.project import enter_project_environment, load_project

if TYPE_CHECKING:
    from motia.settings import Settings


def start(
    host: Host = None,
    port: Port = None,
    nodes: Annotated[
        int | None, typer.Option("--nodes", "-n", help="Processes to run.", show_default=False)
    ] = None,
    strict: Annotated[
        bool | None,
        typer.Option("--strict", help="Do not start when any step is broken.", show_default=False),
    ] = None,
    directory: ProjectDir = HERE,
) -> None:
    """Run the project for production."""
    flags = {"host": host, "port": port, "nodes": nodes, "strict": strict or None}
    enter_project_environment(directory)
    loaded = load_project(directory, mode="production", flags=flags)
    for notice in loaded.notices:
        note(notice)
    from motia.supervisor import run_supervised

    def read_again() -> Settings:
        return load_project(directory, mode="production", flags=flags).settings

    raise typer.Exit(run_supervised(loaded.settings, read_settings=read_again))
