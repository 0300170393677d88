"""`motia start`"""

from __future__ import annotations

from typing import Annotated

import typer

from motia.cli.options import HERE, Host, Port, ProjectDir, WorkbenchPort
from motia.cli.output import print_line
from motia.cli.project import supervise
from motia.cli.queue import pause_everything


def start(
    context: typer.Context,
    host: Host = None,
    port: Port = None,
    nodes: Annotated[
        int | None, typer.Option("--nodes", "-n", help="Processes to run.", show_default=False)
    ] = None,
    strict: Annotated[
        bool | None,
        typer.Option("--strict", help="Do not start when any step is broken.", show_default=False),
    ] = None,
    paused: Annotated[
        bool, typer.Option("--paused", help="Take no messages until `motia queue resume --all`.")
    ] = False,
    workbench: Annotated[
        bool | None,
        typer.Option("--workbench", help="Serve the Workbench as well.", show_default=False),
    ] = None,
    workbench_port: WorkbenchPort = None,
    directory: ProjectDir = HERE,
) -> None:
    """Run the project for production."""
    if paused:
        pause_everything(directory)
        print_line("everything is paused: `motia queue resume --all` lets messages run")
    flags = {
        "host": host,
        "port": port,
        "nodes": nodes,
        "strict": strict or None,
        "workbench.enabled": workbench or None,
        "workbench.port": workbench_port,
    }
    raise typer.Exit(supervise(directory, mode="production", flags=flags, spawned=context.obj))
