"""`motia runs …`"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from motia.cli.groups import ListedGroup
from motia.cli.options import HERE, AsJson, ProjectDir
from motia.cli.output import note_limit, print_json, print_line, print_list, time_text
from motia.cli.project import load_project, with_store
from motia.core.workflow import RunStatus

if TYPE_CHECKING:
    from motia.backends.protocol import Backend
    from motia.core.workflow import JournalEntry, RunSummary

app = typer.Typer(cls=ListedGroup, help="Look at the runs of workflows; cancel, retry or signal them.")
Status = Annotated[RunStatus | None, typer.Option("--status", help="Only those.", show_default=False)]
StepName = Annotated[str | None, typer.Option("--step", help="Only runs of this step.", show_default=False)]
Id = Annotated[str, typer.Argument(help="Id of the run: that of its message.")]


@app.command("list")
def list_(
    status: Status = None,
    step: StepName = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Most runs to print.")] = 50,
    directory: ProjectDir = HERE,
    as_json: AsJson = False,
) -> None:
    """List runs, the latest first."""
    from motia.workflow.documents import run_document

    async def read(backend: Backend) -> list[RunSummary]:
        return await backend.workflow.runs(status=status, step=step, limit=limit)

    runs = with_store(load_project(directory).settings, read)
    print_list(
        [run_document(run) for run in runs],
        {
            "RUN": "id",
            "STEP": "step",
            "STATUS": "status",
            "STARTED": "started_at_ms",
            "ENTRIES": "entries",
            "GOES ON": "due_at_ms",
            "HELD BY": _held_by,
        },
        as_json=as_json,
    )
    note_limit(len(runs), limit)


@app.command("show")
def show(run_id: Id, step: StepName = None, directory: ProjectDir = HERE, as_json: AsJson = False) -> None:
    """Show a run: what it did, what it waits for, how it ended."""
    from motia.adapters import approval_links
    from motia.cli.control import as_running
    from motia.core.clock import SystemClock
    from motia.workflow.documents import run_detail
    from motia.workflow.selection import chosen

    message_id = _parsed(run_id)

    async def read(backend: Backend) -> tuple[RunSummary, list[JournalEntry]]:
        summary = chosen(await backend.workflow.of_message(message_id), run_id, step)
        return summary, await backend.workflow.journal(summary.id)

    settings = load_project(directory).settings
    summary, entries = with_store(settings, read)
    links = approval_links(as_running(settings))
    document = run_detail(summary, entries, links, now_ms=SystemClock().now_ms())
    if as_json:
        print_json(document)
        return
    print_line(f"{document['step']}  {document['status']}  trace {document['trace_id']}")
    print_line(f"input   {json.dumps(document['input'])}")
    print_list(
        document["journal"],
        {
            "NAME": "name",
            "KIND": "kind",
            "STATUS": "status",
            "AT": "at_ms",
            "ATTEMPTS": lambda entry: entry["attempts"] or "",
            "UNTIL": "due_at_ms",
            "RESULT": lambda entry: json.dumps(entry["error"] or entry["value"])[:80],
        },
        as_json=False,
    )
    if document["custom_status"] is not None:
        print_line(f"says    {json.dumps(document['custom_status'])}")
    for asked in document["approvals"]:
        print_line(f"asks    {asked['title']}, until {time_text(asked['expires_at_ms'])}: {asked['url']}")
    if document["held"]:
        held = document["held"]
        print_line(f"held    since {time_text(held['at_ms'])}: {held['cause']['step']}: {_held_by(document)}")
        print_line(f"        {held['cause']['hint']}")
    if document["undo"]:
        print_line(
            f"undo    since {time_text(document['undo']['at_ms'])}: {json.dumps(document['undo']['cause'])}"
        )
    if document["error"] or document["output"] is not None:
        name = "error" if document["error"] else "output"
        print_line(f"{name:<8}{json.dumps(document[name])}")


@app.command("cancel")
def cancel(
    run_id: Id,
    step: StepName = None,
    undo: Annotated[
        bool, typer.Option("--undo/--no-undo", help="Undo what it did first; else it ends where it stands.")
    ] = True,
    directory: ProjectDir = HERE,
    as_json: AsJson = False,
) -> None:
    """End a run, wherever it stands: what it did is undone, the last first, then it is cancelled."""
    from motia.core.batch import Batch, CancelMessages, Ended
    from motia.core.clock import SystemClock
    from motia.core.message import QueueName
    from motia.workflow.selection import chosen, still_open

    message_id = _parsed(run_id)

    async def write(backend: Backend) -> list[Ended]:
        run = still_open(chosen(await backend.workflow.of_message(message_id), run_id, step))
        queue, now_ms = QueueName(run.topic, run.id.step), SystemClock().now_ms()
        operation = CancelMessages(frozenset((message_id,)), queue, now_ms=now_ms, undo=undo)
        ended: list[Ended]
        (ended,) = await backend.commit(Batch((operation,)))
        return ended

    ended = with_store(load_project(directory).settings, write)
    undone = not ended or any(one.undoes for one in ended)
    if as_json:
        print_json({"cancelled": len(ended), "undone": undone})
    elif not ended:
        print_line("it is being undone already; see `motia runs show`")
    else:
        print_line("it is undone, then it ends as cancelled" if undone else "cancelled")


@app.command("retry")
def retry(
    run_id: Id,
    since: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="Name in its journal; None = where it failed, or changed.",
            show_default=False,
            metavar="NAME",
        ),
    ] = None,
    step: StepName = None,
    directory: ProjectDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Begin an ended run again, or let a held one go on with the code that there is: from there on it is done
    anew, what came before stays."""
    from motia.core.batch import Batch, RetryRun
    from motia.core.clock import SystemClock
    from motia.workflow.selection import chosen

    message_id = _parsed(run_id)

    async def write(backend: Backend) -> list[str]:
        run = chosen(await backend.workflow.of_message(message_id), run_id, step)
        (anew,) = await backend.commit(Batch((RetryRun(run.id, since, now_ms=SystemClock().now_ms()),)))
        return sorted(name for name in anew if not name.startswith("$"))

    anew = with_store(load_project(directory).settings, write)
    if as_json:
        print_json({"anew": anew})
    else:
        print_line(f"it goes on; done anew of what was recorded: {', '.join(anew) or 'nothing'}")


@app.command("signal")
def signal(
    run_id: Id,
    name: Annotated[str, typer.Argument(help="Name of the signal.")],
    data: Annotated[str, typer.Argument(help="Its data, as JSON.")] = "null",
    directory: ProjectDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Send a signal to a run; it is kept for a run that has not come to wait for it yet."""
    from motia import encoding
    from motia.core.batch import Batch, Post
    from motia.core.clock import SystemClock, SystemEntropy
    from motia.core.ids import Ids
    from motia.workflow.mail import signal_mail
    from motia.workflow.selection import may_be_signalled

    message_id = _parsed(run_id)
    mail = signal_mail(
        run_id, name, encoding.decode(data), Ids(SystemClock(), SystemEntropy()), SystemClock().now_ms()
    )

    async def write(backend: Backend) -> int:
        runs, stored = await backend.workflow.of_message(message_id), await backend.queue.messages(message_id)
        may_be_signalled(runs, run_id, is_stored=bool(stored))
        (woken,) = await backend.commit(Batch((Post(mail),)))
        return int(woken)

    woken = with_store(load_project(directory).settings, write)
    if as_json:
        print_json({"woken": woken})
        return
    print_line("the run goes on" if woken else "no run waits for it now; it is kept for seven days")


def _held_by(run: Mapping[str, Any]) -> str:
    held = run["held"]
    return f"{held['step']!r}: {held['old']} → {held['new']}" if held else ""


def _parsed(run_id: str) -> bytes:
    from motia.workflow.mail import parse_run_id

    return parse_run_id(run_id)
