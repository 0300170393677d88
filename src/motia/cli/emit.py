"""`motia emit`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from motia.cli.options import HERE, AsJson, ProjectDir
from motia.cli.output import EXIT_FAILED, note, parse_json, print_json, print_line
from motia.cli.project import discover, load_project
from motia.core.wording import counted

if TYPE_CHECKING:
    from motia.settings.model import Settings


def emit(
    topic: Annotated[
        str | None, typer.Argument(help="Topic to put the message on.", show_default=False)
    ] = None,
    data: Annotated[str, typer.Argument(help="The message as JSON; - reads it from stdin.")] = "null",
    many: Annotated[
        bool, typer.Option("--many", help="DATA is a list, or one JSON value a line: a message each.")
    ] = False,
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
    text = message_option if message_option is not None else data
    if many:
        _emit_many(directory, topic, text, as_json=as_json)
        return
    payload = parse_json(text, "data")
    settings = load_project(directory).settings
    import asyncio

    from motia.core.ids import format_id
    from motia.outside import enqueue_from_outside

    message_id, queues, waited = asyncio.run(enqueue_from_outside(settings, topic, payload))
    if as_json:
        print_json(
            {
                "message_id": format_id(message_id),
                "queues": [{"topic": q.topic, "step": q.step} for q in queues],
                "waited_for": waited,
            }
        )
    elif queues or waited:
        takers = [*(queue.step for queue in queues), *(["workflows that wait for it"] if waited else [])]
        print_line(f"{format_id(message_id)} → {', '.join(takers)}")
    if not queues and not waited:
        _exit_without_step(settings, topic)


def _emit_many(directory: Path, topic: str, text: str, *, as_json: bool) -> None:
    import asyncio
    import sys

    from motia.core.ids import format_id
    from motia.outside import enqueue_many_from_outside

    text = (sys.stdin.read() if text == "-" else text).strip()
    items = [parse_json(line, "data") for line in text.splitlines() if line.strip()]
    if text.startswith("["):
        items = parse_json(text, "data")
    settings = load_project(directory).settings
    bulk, total = asyncio.run(enqueue_many_from_outside(settings, topic, items))
    if as_json:
        print_json({"bulk_id": format_id(bulk), "messages": total})
    elif total:
        print_line(f"{format_id(bulk)}: {counted(total, 'message')}")
    if not total:
        _exit_without_step(settings, topic)


def _exit_without_step(settings: Settings, topic: str) -> NoReturn:
    from motia.engine.enqueue import nearest_known

    registry = discover(settings).registry
    near = nearest_known(topic, registry.subscribers, registry)
    note(f"no step subscribes to {topic!r}{near}: nothing was stored")
    raise typer.Exit(EXIT_FAILED)
