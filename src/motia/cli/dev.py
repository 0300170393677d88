"""`motia dev`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from motia.cli.options import HERE, Host, Port, ProjectDir
from motia.cli.output import note
from motia.cli.project import enter_project_environment, load_project

if TYPE_CHECKING:
    from motia.settings import Settings


def dev(
    host: Host = None,
    port: Port = None,
    workbench_port: Annotated[
        int | None, typer.Option("--workbench-port", help="Port of the Workbench.", show_default=False)
    ] = None,
    directory: ProjectDir = HERE,
    no_supervisor: Annotated[
        bool, typer.Option("--no-supervisor", help="One process in the foreground, for debuggers; no reload.")
    ] = False,
) -> None:
    """Run the project for development: reload on save, Workbench, readable logs."""
    flags = {"host": host, "port": port, "workbench.port": workbench_port}
    enter_project_environment(directory)
    loaded = load_project(directory, mode="development", flags=flags)
    for notice in loaded.notices:
        note(notice)
    from motia.supervisor import run_single, run_supervised

    if no_supervisor:
        raise typer.Exit(run_single(loaded.settings))

    def read_again() -> Settings:
        return load_project(directory, mode="development", flags=flags).settings

    raise typer.Exit(run_supervised(loaded.settings, read_settings=read_again))
