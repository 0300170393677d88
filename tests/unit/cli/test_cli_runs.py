"""`motia runs`: runs of workflows, seen and acted on from a terminal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from motia.core.batch import Enqueue, JournalPut, RunBegin
from motia.core.ids import format_id
from motia.core.message import NewMessage, QueueName, TraceContext
from motia.core.workflow import JournalEntry, RunId
from motia.settings.load import load_settings
from motia.settings.runtime_dir import runtime_dir
from motia.supervisor.listeners import open_project
from motia.supervisor.lock import SupervisorLock

NOW_MS = 1_800_000_000_000
TRACE = TraceContext("a" * 32, "b" * 16)
MESSAGE = bytes(15) + b"\x07"


@pytest.fixture
def run(store: Callable[..., Any]) -> str:
    """Id of a message that two steps have begun to run."""
    operations: list[Any] = []
    for step in ("fulfil", "audit"):
        queue, run_id = QueueName("order", step), RunId(MESSAGE, step)
        message = NewMessage(id=MESSAGE, queue=queue, payload=b'{"n":1}', trace=TRACE, enqueued_at_ms=NOW_MS)
        begin = RunBegin(run=run_id, topic="order", started_at_ms=NOW_MS, trace=TRACE, input=b'{"n":1}')
        operations += [Enqueue(message), begin]
    charge = JournalEntry(name="charge", kind="step", status="done", at_ms=NOW_MS, value=b'{"paid":5}')
    store([*operations, JournalPut(RunId(MESSAGE, "fulfil"), charge)])
    return format_id(MESSAGE)


def test_runs_are_listed_and_one_is_shown(run: str, motia: Callable[..., Any]) -> None:
    found = motia("runs", "list", "--json").json
    assert [(one["id"], one["step"], one["entries"]) for one in found] == [
        (run, "fulfil", 1),
        (run, "audit", 0),
    ]
    assert [one["step"] for one in motia("runs", "list", "--step", "audit", "--json").json] == ["audit"]
    assert motia("runs", "list", "--status", "failed", "--json").json == []
    assert motia("runs", "list", "--status", "asleep").code == 2
    shown = motia("runs", "show", run, "--step", "fulfil")
    assert shown.out.startswith(f"fulfil  running  trace {'a' * 32}\n")
    assert '{"paid": 5}' in shown.out
    document = motia("runs", "show", run, "--step", "fulfil", "--json").json
    assert document["journal"][0]["value"] == {"paid": 5}


def test_a_run_shows_what_it_asks_and_where_that_is_answered(
    run: str, motia: Callable[..., Any], store: Callable[..., Any], project: Path
) -> None:
    run_id = RunId(MESSAGE, "fulfil")
    asked = JournalEntry(
        name="approval",
        kind="approval",
        status="waiting",
        at_ms=NOW_MS,
        due_at_ms=4_000_000_000_000,
        value=b'{"title":"Go on?","message":"","schema":{"type":"boolean"}}',
    )
    store([JournalPut(run_id, asked)])
    (found,) = motia("runs", "show", run, "--step", "fulfil", "--json").json["approvals"]
    assert found["url"] == f"http://127.0.0.1:3001{found['path']}"
    shown = motia("runs", "show", run, "--step", "fulfil").out
    assert "asks    Go on?, until 2096-" in shown
    assert found["url"] in shown

    # While the project runs: on the port that it was told to take, which only its supervisor knows.
    settings = load_settings(project, mode="development").settings
    directory = runtime_dir(settings)
    lock = SupervisorLock(directory)
    lock.take(project)
    no_console = settings.workbench.model_copy(update={"enabled": False})
    listeners = open_project(settings.model_copy(update={"port": 0, "workbench": no_console}), directory)
    try:
        listeners.by_name["control"][0].listen()
        lock.tell(port=listeners.port("api"))
        (found,) = motia("runs", "show", run, "--step", "fulfil", "--json").json["approvals"]
        assert found["url"] == f"http://127.0.0.1:{listeners.port('api')}{found['path']}"
    finally:
        listeners.close()
        lock.release()
    (found,) = motia("runs", "show", run, "--step", "fulfil", "--json").json["approvals"]
    assert found["url"] == f"http://127.0.0.1:3001{found['path']}"


def test_a_run_is_cancelled_to_be_undone_or_at_once(run: str, motia: Callable[..., Any]) -> None:
    fulfil = (run, "--step", "fulfil")
    assert motia("runs", "cancel", *fulfil).out == "it is undone, then it ends as cancelled\n"
    assert motia("runs", "cancel", *fulfil).out.startswith("it is being undone already")
    assert "workflow.cancelled" in motia("runs", "show", *fulfil).out
    assert motia("runs", "show", *fulfil, "--json").json["status"] == "running"
    assert motia("runs", "cancel", *fulfil, "--no-undo", "--json").json == {"cancelled": 1, "undone": False}
    assert motia("runs", "show", *fulfil, "--json").json["status"] == "cancelled"
    again = motia("runs", "cancel", *fulfil)
    assert (again.code, "cancelled" in again.err) == (2, True)
    unknown = motia("runs", "retry", *fulfil, "--from", "ship")
    assert (unknown.code, "charge" in unknown.err) == (2, True)
    assert (
        motia("runs", "retry", *fulfil, "--from", "charge").out
        == "it goes on; done anew of what was recorded: charge\n"
    )
    assert motia("runs", "show", *fulfil, "--json").json["status"] == "running"
    assert motia("runs", "retry", *fulfil).code == 2
    assert motia("runs", "cancel", *fulfil, "--no-undo").code == 0
    # The message's other run goes on: it may come to wait.
    assert motia("runs", "signal", run, "go").out.startswith("no run waits for it now")
    # `motia cancel` is the same for what is left of the message.
    assert motia("cancel", run).out == "1 cancelled\n"
    unknown = motia("runs", "signal", "0" * 32, "go")
    assert (unknown.code, "got none" in unknown.err) == (2, True)
    assert motia("runs", "show", run, "--step", "audit", "--json").json["undo"] is not None


def test_what_names_no_run_is_told(run: str, motia: Callable[..., Any]) -> None:
    which = motia("runs", "show", run)
    assert which.code == 2
    assert "fulfil" in which.err
    assert "audit" in which.err
    assert "expected a run of this project, got none" in motia("runs", "show", "0" * 32).err
    assert "expected the id of a run" in motia("runs", "show", "nonsense").err
