"""`motia schedule …`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from motia.cli.groups import ListedGroup
from motia.cli.ids import parse_ids
from motia.cli.options import HERE, AsJson, ProjectDir
from motia.cli.output import note_limit, print_json, print_line, print_table, time_text
from motia.cli.project import discover, load_project, with_store
from motia.cli.when import parse_when

if TYPE_CHECKING:
    from pathlib import Path

    from motia.backends.protocol import Backend
    from motia.core.batch import Operation

app = typer.Typer(cls=ListedGroup, help="Look at what is to run later; move it, cancel it, run it now.")
MessageId = Annotated[str, typer.Argument(help="Id of a message, as `motia schedule list` prints it.")]


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option("--limit", min=1, help="Most items to print.")] = 100,
    directory: ProjectDir = HERE,
    as_json: AsJson = False,
) -> None:
    """List delayed messages, retries, points in time and the next tick of each schedule, nearest first."""
    from motia.core.clock import SystemClock
    from motia.core.ids import format_id
    from motia.engine.ledger import scheduled_items

    settings = load_project(directory).settings
    registry = discover(settings).registry
    now_ms = SystemClock().now_ms()
    items = with_store(
        settings,
        lambda backend: scheduled_items(
            backend, registry, timezone=settings.timezone, now_ms=now_ms, limit=limit
        ),
    )
    rows = [
        {
            "kind": item.kind,
            "due_at_ms": item.due_at_ms,
            "topic": item.topic,
            "step": item.step,
            "id": None if item.id is None else format_id(item.id),
            "detail": item.detail,
        }
        for item in items
    ]
    if as_json:
        print_json(rows)
    else:
        print_table(
            ("DUE", "KIND", "TOPIC", "STEP", "ID", "DETAIL"),
            (
                (
                    time_text(item.due_at_ms),
                    row["kind"],
                    row["topic"] or "-",
                    row["step"],
                    row["id"] or "-",
                    row["detail"],
                )
                for item, row in zip(items, rows, strict=True)
            ),
        )
    note_limit(len(rows), limit)


@app.command("move")
def move(
    id: MessageId,
    when: Annotated[str, typer.Argument(help="A duration from now (5m) or a time (2030-01-31T09:00).")],
    directory: ProjectDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Let a message become due at another time."""
    from motia.core.batch import MoveMessages
    from motia.core.clock import SystemClock

    due_at_ms = parse_when(when, SystemClock().now_ms())
    _write(directory, MoveMessages(frozenset(parse_ids([id])), due_at_ms), id, "moved", as_json)


@app.command("run")
def run(id: MessageId, directory: ProjectDir = HERE, as_json: AsJson = False) -> None:
    """Let a message become due now. For a schedule: `motia cron run STEP`."""
    from motia.core.batch import MoveMessages

    _write(directory, MoveMessages(frozenset(parse_ids([id])), None), id, "due", as_json)


@app.command("cancel")
def cancel(id: MessageId, directory: ProjectDir = HERE, as_json: AsJson = False) -> None:
    """End a message before its time. It is never run."""
    from motia.core.batch import CancelMessages
    from motia.core.clock import SystemClock

    _write(
        directory,
        CancelMessages(frozenset(parse_ids([id])), now_ms=SystemClock().now_ms()),
        id,
        "cancelled",
        as_json,
    )


def _write(directory: Path, operation: Operation, id: str, what: str, as_json: bool) -> None:
    from motia.core.batch import Batch
    from motia.errors import InputError

    async def write(backend: Backend) -> int:
        (result,) = await backend.commit(Batch((operation,)))
        return result if isinstance(result, int) else len(result)

    count = with_store(load_project(directory).settings, write)
    if not count:
        raise InputError(
            f"message {id}: expected one that waits, got none of that id",
            code="message.not_found",
            hint="it runs, or has ended: see `motia why` and `motia traces`",
        )
    if as_json:
        print_json({what: count})
    else:
        print_line(f"{id}: {what}")
