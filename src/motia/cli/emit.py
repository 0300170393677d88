"""`motia emit`"""

from __future__ import annotations

from typing import Annotated

import typer

from motia.cli.options import HERE, AsJson, ProjectDir
from motia.cli.output import EXIT_FAILED, note, parse_json, print_json, print_line
from motia.cli.project import load_project


def emit(
    topic: Annotated[
        str | None, typer.Argument(help="Topic to put the message on.", show_default=False)
    ] = None,
    data: Annotated[str, typer.Argument(help="The message as JSON; - reads it from stdin.")] = "null",
    topic_option: Annotated[str | None, typer.Option("--topic", hidden=True)] = None,
    message_option: Annotated[str | None, typer.Option("--message", hidden=True)] = None,
    directory: ProjectDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Put a message on a topic, durably; a running node takes it at once."""
    # `emit --topic t --message '{}'` is how the earlier framework spelled it.
    topic = topic if topic is not None else topic_option
    if topic is None:
        raise typer.BadParameter("expected a topic", param_hint="TOPIC")
    payload = parse_json(message_option if message_option is not None else data, "data")
    settings = load_project(directory).settings
    import asyncio

    from motia.core.ids import format_id
    from motia.outside import enqueue_from_outside

    message_id, queues = asyncio.run(enqueue_from_outside(settings, topic, payload))
    if as_json:
        print_json(
            {
                "message_id": format_id(message_id),
                "queues": [{"topic": q.topic, "step": q.step} for q in queues],
            }
        )
    elif queues:
        print_line(f"{format_id(message_id)} → {', '.join(queue.step for queue in queues)}")
    if not queues:
        note(f"no step subscribes to {topic!r}: nothing was stored")
        raise typer.Exit(EXIT_FAILED)
