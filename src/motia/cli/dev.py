"""`motia dev`"""

from __future__ import annotations

from typing import Annotated

import typer

from motia.cli.options import HERE, Host, Port, ProjectDir, WorkbenchPort
from motia.cli.output import note
from motia.cli.project import load_project, supervise


def dev(
    context: typer.Context,
    host: Host = None,
    port: Port = None,
    workbench_port: WorkbenchPort = None,
    directory: ProjectDir = HERE,
    no_supervisor: Annotated[
        bool, typer.Option("--no-supervisor", help="One process in the foreground, for debuggers; no reload.")
    ] = False,
) -> None:
    """Run the project for development: reload on save, Workbench, readable logs."""
    flags = {"host": host, "port": port, "workbench.port": workbench_port}
    if not no_supervisor:
        raise typer.Exit(supervise(directory, mode="development", flags=flags, spawned=context.obj))
    loaded = load_project(directory, mode="development", flags=flags)
    for notice in loaded.notices:
        note(notice)
    from motia.supervisor.run import run_single

    raise typer.Exit(run_single(loaded.settings))
