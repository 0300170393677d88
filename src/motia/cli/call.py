"""`motia call`"""

from __future__ import annotations

from typing import Annotated

import typer

from motia.cli.options import HERE, AsJson, ProjectDir
from motia.cli.output import parse_json, print_json, print_line
from motia.cli.project import load_project


def call(
    step: Annotated[str, typer.Argument(help="Id of the step.")],
    data: Annotated[str, typer.Argument(help="Its input as JSON; - reads it from stdin.")] = "null",
    directory: ProjectDir = HERE,
    as_json: AsJson = False,
    timeout_s: Annotated[float, typer.Option("--timeout", help="Seconds to wait for the result.")] = 900.0,
) -> None:
    """Run a step on the running node and print what it returns."""
    from motia.cli.control import post_to_node

    payload = parse_json(data, "data")
    settings = load_project(directory).settings
    result = post_to_node(settings, "/call", {"id": step, "data": payload}, timeout_s=timeout_s)
    if as_json or not isinstance(result, str):
        print_json(result)
    else:
        print_line(result)
