"""`motia queue …`"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from motia.cli.options import HERE, AsJson, ProjectDir, Yes
from motia.cli.output import confirm, print_json, print_line, print_table, time_text
from motia.cli.project import load_project, with_store

if TYPE_CHECKING:
    from pathlib import Path

    from motia.backends.protocol import Backend
    from motia.core.batch import Operation
    from motia.core.message import DeadLetter, MessageId, Pause, QueueDepth, QueueName

app = typer.Typer(help="Look at queues; pause them; send dead letters back or delete them.")
Topic = Annotated[str | None, typer.Option("--topic", help="Only queues of this topic.", show_default=False)]
StepName = Annotated[str | None, typer.Option("--step", help="Only queues of this step.", show_default=False)]
MessageIds = Annotated[list[str] | None, typer.Argument(help="Ids of dead letters.", show_default=False)]
All = Annotated[bool, typer.Option("--all", help="Every dead letter of the chosen queues.")]
_PAGE = 1000


@app.command("list")
def list_(
    topic: Topic = None, step: StepName = None, directory: ProjectDir = HERE, as_json: AsJson = False
) -> None:
    """List the queues and how many messages wait, run and died in each."""

    async def read(backend: Backend) -> list[QueueDepth]:
        return await _queues(backend, topic, step)

    depths = with_store(load_project(directory).settings, read)
    names = ("ready", "scheduled", "blocked", "limited", "claimed", "dead")
    if as_json:
        print_json(
            [
                {
                    "topic": depth.queue.topic,
                    "step": depth.queue.step,
                    **{name: getattr(depth, name) for name in names},
                    "oldest_ready_at_ms": depth.oldest_ready_at_ms,
                }
                for depth in depths
            ]
        )
        return
    print_table(
        ("TOPIC", "STEP", *(name.upper() for name in names), "OLDEST READY"),
        (
            (
                depth.queue.topic or "-",
                depth.queue.step,
                *(getattr(depth, name) for name in names),
                time_text(depth.oldest_ready_at_ms),
            )
            for depth in depths
        ),
    )


@app.command("dead")
def dead(
    topic: Topic = None,
    step: StepName = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Most dead letters to print.")] = 100,
    directory: ProjectDir = HERE,
    as_json: AsJson = False,
) -> None:
    """List dead letters, the newest first."""

    async def read(backend: Backend) -> list[DeadLetter]:
        found: list[DeadLetter] = []
        for depth in await _queues(backend, topic, step):
            if depth.dead:
                found += await backend.queue.dead_letters(depth.queue, limit=limit)
        return sorted(found, key=lambda letter: letter.seq, reverse=True)[:limit]

    letters = with_store(load_project(directory).settings, read)
    documents = [_letter_document(letter) for letter in letters]
    if as_json:
        print_json(documents)
        return
    print_table(
        ("ID", "TOPIC", "STEP", "DIED", "CODE", "ATTEMPTS", "ERROR"),
        (
            (
                document["id"],
                document["topic"] or "-",
                document["step"],
                time_text(document["died_at_ms"]),
                document["code"],
                document["failures"] + document["crashes"],
                (document["error"] or {}).get("message"),
            )
            for document in documents
        ),
    )


@app.command("redrive")
def redrive(
    ids: MessageIds = None,
    every: All = False,
    topic: Topic = None,
    step: StepName = None,
    directory: ProjectDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Send dead letters back to their queues with fresh attempts."""
    from motia.core.batch import Redrive

    chosen = _chosen(ids, every=every or topic is not None or step is not None)
    count = _on_dead_letters(
        load_project(directory).settings,
        lambda queue, limit: Redrive(queue=queue, ids=chosen, limit=limit),
        topic,
        step,
    )
    _print_count("redriven", count, as_json)


@app.command("purge")
def purge(
    ids: MessageIds = None,
    every: All = False,
    topic: Topic = None,
    step: StepName = None,
    directory: ProjectDir = HERE,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Delete dead letters for good."""
    from motia.core.batch import PurgeDead

    chosen = _chosen(ids, every=every or topic is not None or step is not None)
    confirm("Delete these dead letters for good?", yes=yes)
    count = _on_dead_letters(
        load_project(directory).settings,
        lambda queue, limit: PurgeDead(queue=queue, ids=chosen, limit=limit),
        topic,
        step,
    )
    _print_count("purged", count, as_json)


Everything = Annotated[bool, typer.Option("--all", help="Every queue.")]


@app.command("pause")
def pause(
    every: Everything = False,
    topic: Topic = None,
    step: StepName = None,
    directory: ProjectDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Let no node take anything more from these queues, until they are resumed. What runs goes on."""
    from motia.core.batch import PauseQueues
    from motia.core.clock import SystemClock

    names = _names(every, topic, step)
    _write(directory, PauseQueues(SystemClock().now_ms(), *names))
    if as_json:
        print_json({"paused": {"topic": names[0], "step": names[1]}})
    else:
        print_line(f"paused: {names[0]} → {names[1]}")


@app.command("resume")
def resume(
    every: Everything = False,
    topic: Topic = None,
    step: StepName = None,
    directory: ProjectDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Take back a pause of the same topic and step; with --all take back every pause."""
    from motia.core.batch import ResumeQueues

    count = _write(directory, ResumeQueues(*_names(every, topic, step), everything=every))
    _print_count("resumed", count, as_json)


@app.command("paused")
def paused(directory: ProjectDir = HERE, as_json: AsJson = False) -> None:
    """List what is paused, and since when."""

    async def read(backend: Backend) -> list[Pause]:
        return list(await backend.queue.pauses())

    pauses = with_store(load_project(directory).settings, read)
    if as_json:
        print_json([{"topic": one.topic, "step": one.step, "since_ms": one.since_ms} for one in pauses])
        return
    print_table(
        ("TOPIC", "STEP", "SINCE"), ((one.topic, one.step, time_text(one.since_ms)) for one in pauses)
    )


def pause_everything(directory: Path) -> None:
    """Let no node take anything, before any starts."""
    from motia.core.batch import PauseQueues
    from motia.core.clock import SystemClock

    _write(directory, PauseQueues(SystemClock().now_ms()))


def _names(every: bool, topic: str | None, step: str | None) -> tuple[str, str]:
    if not every and topic is None and step is None:
        raise typer.BadParameter("expected --topic, --step or --all, got none of them")
    if every and (topic is not None or step is not None):
        raise typer.BadParameter("expected --all, or --topic and --step, got both")
    return topic or "*", step or "*"


def _write(directory: Path, operation: Operation) -> int:
    from motia.core.batch import Batch

    async def write(backend: Backend) -> int:
        (count,) = await backend.commit(Batch((operation,)))
        return count or 0

    return with_store(load_project(directory).settings, write)


def _chosen(ids: Sequence[str] | None, *, every: bool) -> frozenset[MessageId] | None:
    from motia.core.ids import parse_id

    if not ids and not every:
        raise typer.BadParameter("expected ids of dead letters, --topic, --step or --all, got none of them")
    try:
        return frozenset(parse_id(text) for text in ids) if ids else None
    except ValueError as error:
        raise typer.BadParameter(f"expected ids as `motia queue dead` prints them: {error}") from error


def _on_dead_letters(
    settings: Any, operation: Callable[[QueueName, int], Operation], topic: str | None, step: str | None
) -> int:
    from motia.core.batch import Batch

    async def write(backend: Backend) -> int:
        total = 0
        for depth in await _queues(backend, topic, step):
            # Bounded by what was dead at the start: a redriven message may die again while we go on.
            for _ in range(0, depth.dead, _PAGE):
                results = await backend.commit(Batch([operation(depth.queue, _PAGE)]))
                total += results[0]
        return total

    return with_store(settings, write)


async def _queues(backend: Backend, topic: str | None, step: str | None) -> list[QueueDepth]:
    return sorted(
        (
            depth
            for depth in await backend.queue.depths()
            if topic in (None, depth.queue.topic) and step in (None, depth.queue.step)
        ),
        key=lambda depth: depth.queue,
    )


def _letter_document(letter: DeadLetter) -> dict[str, Any]:
    from motia.core.ids import format_id
    from motia.encoding import decode

    return {
        "id": format_id(letter.id),
        "topic": letter.queue.topic,
        "step": letter.queue.step,
        "code": letter.code,
        "error": decode(letter.error) if letter.error else None,
        "earlier_errors": [decode(line) for line in letter.errors.splitlines() if line.strip()],
        "payload": decode(letter.payload),
        "failures": letter.failures,
        "crashes": letter.crashes,
        "group": letter.group,
        "enqueued_at_ms": letter.enqueued_at_ms,
        "died_at_ms": letter.died_at_ms,
        "trace_id": letter.trace.trace_id,
    }


def _print_count(what: str, count: int, as_json: bool) -> None:
    if as_json:
        print_json({what: count})
    else:
        print_line(f"{count} {what}")
