"""`motia trigger`"""

from __future__ import annotations

from typing import Annotated

import typer

from motia.cli.options import HERE, AsJson, ProjectDir
from motia.cli.output import parse_json, print_json, print_line
from motia.cli.project import load_project


def trigger(
    step: Annotated[str, typer.Argument(help="Id of the step.")],
    data: Annotated[str, typer.Argument(help="Its input as JSON; - reads it from stdin.")] = "null",
    directory: ProjectDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Send a message to one step, durably, without waiting for the run."""
    payload = parse_json(data, "data")
    settings = load_project(directory).settings
    import asyncio

    from motia.core.ids import format_id
    from motia.outside import trigger_from_outside

    message_id = format_id(asyncio.run(trigger_from_outside(settings, step, payload)))
    if as_json:
        print_json({"message_id": message_id, "step": step})
    else:
        print_line(f"{message_id} → {step}")
