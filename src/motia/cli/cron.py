"""`motia cron …`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from motia.cli.groups import ListedGroup
from motia.cli.options import HERE, AsJson, ProjectDir
from motia.cli.output import print_json, print_line, print_list, time_text
from motia.cli.project import discover, load_project, with_store
from motia.cli.when import parse_when
from motia.core.wording import counted

if TYPE_CHECKING:
    from motia.backends.protocol import Backend

_PAGE = 500
app = typer.Typer(cls=ListedGroup, help="Look at schedules and run them by hand.")


@app.command("list")
def list_(directory: ProjectDir = HERE, as_json: AsJson = False) -> None:
    """List the schedules and their next ticks."""
    from motia.core.clock import SystemClock
    from motia.cron.expression import parse

    settings = load_project(directory).settings
    now_ms = SystemClock().now_ms()
    rows: list[dict[str, Any]] = []
    for step, _index, trigger in discover(settings).registry.cron_triggers:
        timezone = trigger.timezone or settings.timezone
        rows.append(
            {
                "step": step.name,
                "expression": trigger.expression,
                "timezone": timezone,
                "next_at_ms": parse(trigger.expression, timezone).next_after(now_ms),
                "missed": trigger.missed,
                "overlap": trigger.overlap,
            }
        )
    columns: dict[str, Any] = {
        "STEP": "step",
        "EXPRESSION": "expression",
        "TIMEZONE": "timezone",
        # In the schedule's own zone: 9:00 of `0 9 * * *` is what its author looks for.
        "NEXT": lambda row: time_text(row["next_at_ms"], row["timezone"]),
        "MISSED": "missed",
        "OVERLAP": "overlap",
    }
    print_list(rows, columns, as_json=as_json)


@app.command("run")
def run(
    step: Annotated[str, typer.Argument(help="Id of the step.")],
    directory: ProjectDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Fire a schedule now, on the running node."""
    from motia.cli.control import post_to_node

    result = post_to_node(load_project(directory).settings, "/cron/run", {"id": step}, timeout_s=30.0)
    if as_json:
        print_json(result)
    else:
        print_line(f"{step}: fired")


@app.command("backfill")
def backfill(
    step: Annotated[str, typer.Argument(help="Id of the step.")],
    start: Annotated[str, typer.Option("--from", help="First time, such as 2030-01-31T09:00.")],
    end: Annotated[
        str | None, typer.Option("--to", help="Up to, but not at; now.", show_default=False)
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list the ticks.")] = False,
    directory: ProjectDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Enqueue the ticks of a time that has passed. Doing it again while they wait stores nothing twice."""
    from motia.core.batch import Batch, Enqueue
    from motia.core.clock import SystemClock, SystemEntropy
    from motia.core.ids import Ids
    from motia.core.message import TraceContext
    from motia.cron.backfill import tick_id, ticks_between
    from motia.cron.expression import parse
    from motia.engine.schedules import schedule_key, tick_message
    from motia.errors import InputError

    settings = load_project(directory).settings
    clock = SystemClock()
    now_ms = clock.now_ms()
    from_ms = parse_when(start, now_ms)
    to_ms = now_ms if end is None else min(parse_when(end, now_ms), now_ms)
    ids = Ids(clock, SystemEntropy())
    found = [one for one in discover(settings).registry.cron_triggers if one[0].name == step]
    if not found:
        raise InputError(
            f"cron backfill {step!r}: expected a step with a cron trigger, got none of that name",
            code="step.unknown",
            status=404,
            hint="`motia cron list` shows them",
        )
    messages = [
        tick_message(
            definition,
            index,
            at_ms,
            tick_id(schedule_key(definition, index), at_ms),
            TraceContext(ids.trace_id(), "", 0),
        )
        for definition, index, trigger in found
        for at_ms in ticks_between(
            parse(trigger.expression, trigger.timezone or settings.timezone), from_ms, to_ms
        )
    ]

    async def write(backend: Backend) -> None:
        for first in range(0, len(messages), _PAGE):
            await backend.commit(Batch([Enqueue(message) for message in messages[first : first + _PAGE]]))

    if not dry_run:
        with_store(settings, write)
    if as_json:
        print_json({"ticks_ms": [message.enqueued_at_ms for message in messages], "enqueued": not dry_run})
        return
    for message in messages if dry_run else ():
        print_line(time_text(message.enqueued_at_ms))
    print_line(f"{step}: {counted(len(messages), 'tick')}{'' if dry_run else ' enqueued'}")
