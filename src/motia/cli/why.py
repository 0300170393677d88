"""`motia why`"""

from __future__ import annotations

from typing import Annotated

import typer

from motia.cli.ids import parse_ids
from motia.cli.options import HERE, AsJson, ProjectDir
from motia.cli.output import print_json, print_line, time_text
from motia.cli.project import discover, load_project, with_store


def why(
    id: Annotated[str, typer.Argument(help="Id of a message.")],
    directory: ProjectDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Say what keeps a message from running, from the rows the scheduler itself reads."""
    from motia.core.clock import SystemClock
    from motia.engine.why import why as explain
    from motia.errors import InputError

    settings = load_project(directory).settings
    (message_id,) = parse_ids([id])
    registry = discover(settings).registry
    now_ms = SystemClock().now_ms()
    found = with_store(settings, lambda backend: explain(backend, registry, message_id, now_ms))
    if not found:
        raise InputError(
            f"message {id}: expected one that has not ended, got none of that id",
            code="message.not_found",
            hint="it has completed, expired or was cancelled, or never was: see `motia traces`",
        )
    if as_json:
        print_json(
            [
                {
                    "topic": message.queue.topic,
                    "step": message.queue.step,
                    "status": message.status,
                    "reasons": [
                        {
                            "code": reason.code,
                            "text": reason.text,
                            "until_ms": reason.until_ms,
                            "holder": reason.holder or None,
                        }
                        for reason in reasons
                    ],
                }
                for message, reasons in found
            ]
        )
        return
    for message, reasons in found:
        print_line(f"{message.queue.topic or '-'} → {message.queue.step}: {message.status}")
        for reason in reasons:
            until = "" if reason.until_ms is None else f", until {time_text(reason.until_ms)}"
            print_line(f"  {reason.text}{until}")
