"""`motia queue …`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from motia.cli import dead_letters
from motia.cli.groups import ListedGroup
from motia.cli.ids import parse_ids
from motia.cli.options import HERE, AsJson, ProjectDir
from motia.cli.output import print_json, print_line, print_list, print_pairs
from motia.cli.project import load_project, with_store
from motia.cli.unknown import note_unknown

if TYPE_CHECKING:
    from pathlib import Path

    from motia.backends.protocol import Backend
    from motia.core.batch import Operation
    from motia.core.message import BulkProgress, Pause, QueueDepth

app = typer.Typer(cls=ListedGroup, help="Look at queues; pause them; send dead letters back or delete them.")
Topic = Annotated[str | None, typer.Option("--topic", help="Only queues of this topic.", show_default=False)]
StepName = Annotated[str | None, typer.Option("--step", help="Only queues of this step.", show_default=False)]


@app.command("list")
def list_(
    topic: Topic = None, step: StepName = None, directory: ProjectDir = HERE, as_json: AsJson = False
) -> None:
    """List the queues and how many messages wait, run and died in each."""

    async def read(backend: Backend) -> list[QueueDepth]:
        return await _queues(backend, topic, step)

    settings = load_project(directory).settings
    depths = with_store(settings, read)
    names = ("ready", "scheduled", "blocked", "limited", "claimed", "dead")
    documents = [
        {
            "topic": depth.queue.topic,
            "step": depth.queue.step,
            **{name: getattr(depth, name) for name in names},
            "oldest_ready_at_ms": depth.oldest_ready_at_ms,
        }
        for depth in depths
    ]
    counts = {name.upper(): name for name in names}
    columns = {"TOPIC": "topic", "STEP": "step", **counts, "OLDEST READY": "oldest_ready_at_ms"}
    print_list(documents, columns, as_json=as_json)
    if not documents:
        note_unknown(settings, topic=topic, step=step)


app.command("dead")(dead_letters.dead)
app.command("redrive")(dead_letters.redrive)
app.command("purge")(dead_letters.purge)


@app.command("bulk")
def bulk(
    id: Annotated[str, typer.Argument(help="Id of a bulk, as `enqueue_many` or `emit --many` gave it.")],
    directory: ProjectDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Say where the messages of a bulk stand."""
    from motia.authoring.messages import bulk_state_of
    from motia.errors import InputError

    (bulk_id,) = parse_ids([id])

    async def read(backend: Backend) -> BulkProgress | None:
        return await backend.queue.bulk(bulk_id)

    found = with_store(load_project(directory).settings, read)
    if found is None:
        raise InputError(
            f"bulk {id}: expected one that is known, got none of that id",
            code="bulk.not_found",
            hint="it ended more than 30 days ago, or never was",
        )
    state = bulk_state_of(bulk_id, found)
    if as_json:
        print_json(state)
        return
    print_pairs(
        (name, getattr(state, name))
        for name in ("total", "completed", "waiting", "running", "dead", "cancelled")
    )


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
    note_unknown(load_project(directory).settings, topic=topic, step=step)


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
    documents = [{"topic": one.topic, "step": one.step, "since_ms": one.since_ms} for one in pauses]
    print_list(documents, {"TOPIC": "topic", "STEP": "step", "SINCE": "since_ms"}, as_json=as_json)


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


async def _queues(backend: Backend, topic: str | None, step: str | None) -> list[QueueDepth]:
    return sorted(
        (
            depth
            for depth in await backend.queue.depths()
            if topic in (None, depth.queue.topic) and step in (None, depth.queue.step)
        ),
        key=lambda depth: depth.queue,
    )


def _print_count(what: str, count: int, as_json: bool) -> None:
    if as_json:
        print_json({what: count})
    else:
        print_line(f"{count} {what}")
