"""Commands for who runs a project: why, cancel, schedule, pause, backfill."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

STEPS = """
from motia import Context, cron, queue, step

@step(queue("work", delay="1h"))
async def work(n: int) -> None: ...

@step(cron("0 9 * * *", timezone="Europe/Berlin"))
async def report(ctx: Context) -> None: ...
"""


@pytest.fixture
def scheduled(project: Path, motia: Callable[..., Any]) -> str:
    """Id of a delayed message in a project with a delayed queue and a schedule."""
    (project / "steps").mkdir()
    (project / "steps" / "work_step.py").write_text(STEPS)
    assert motia("emit", "work", '{"n": 1}').code == 0
    (item,) = [one for one in motia("schedule", "list", "--json").json if one["kind"] == "message"]
    return str(item["id"])


def test_the_schedule_lists_messages_and_ticks_nearest_first(
    scheduled: str, motia: Callable[..., Any]
) -> None:
    items = motia("schedule", "list", "--json").json
    assert sorted(item["kind"] for item in items) == ["cron", "message"]
    assert items == sorted(items, key=lambda item: item["due_at_ms"])
    assert "Europe/Berlin" in motia("schedule", "list").out
    cut = motia("schedule", "list", "--json", "--limit", "1")
    assert (len(cut.json), "only 1 shown" in cut.err) == (1, True)


def test_a_scheduled_message_is_moved_run_and_cancelled(scheduled: str, motia: Callable[..., Any]) -> None:
    def due_at_ms() -> int:
        (item,) = [one for one in motia("schedule", "list", "--json").json if one["id"] == scheduled]
        return int(item["due_at_ms"])

    assert motia("schedule", "move", scheduled, "2099-01-31T09:00+00:00").out == f"{scheduled}: moved\n"
    assert due_at_ms() == 4_073_533_200_000
    assert motia("schedule", "run", scheduled).code == 0
    assert [one["kind"] for one in motia("schedule", "list", "--json").json] == ["cron"]
    assert motia("schedule", "cancel", scheduled, "--json").json == {"cancelled": 1}
    again = motia("schedule", "cancel", scheduled)
    assert (again.code, again.out) == (2, "")
    assert "expected one that waits" in again.err
    assert motia("schedule", "move", scheduled, "whenever").code == 2
    assert motia("schedule", "cancel", "no-id").code == 2


def test_why_names_what_a_message_waits_for(scheduled: str, motia: Callable[..., Any]) -> None:
    assert motia("queue", "pause", "--all").code == 0
    (found,) = motia("why", scheduled, "--json").json
    assert (found["topic"], found["step"], found["status"]) == ("work", "work", "scheduled")
    assert [reason["code"] for reason in found["reasons"]] == ["paused", "no_node", "scheduled"]
    told = motia("why", scheduled).out
    assert told.startswith("work → work: scheduled\n  everything is paused")
    assert motia("why", "0" * 32).code == 2
    assert "motia traces" in motia("why", "0" * 32).err


def test_messages_are_cancelled_by_id_and_by_trace(scheduled: str, motia: Callable[..., Any]) -> None:
    assert motia("cancel").code == 2
    assert motia("cancel", scheduled, "--json").json == {"cancelled": 1}
    again = motia("cancel", scheduled)
    assert (again.code, again.out) == (1, "0 cancelled\n")
    assert "expected messages that have not ended, got none of" in again.err
    assert motia("cancel", "--trace", "f" * 32).out == "0 cancelled\n"


def test_queues_are_paused_and_resumed(scheduled: str, motia: Callable[..., Any]) -> None:
    assert motia("queue", "pause").code == 2
    assert motia("queue", "pause", "--all", "--topic", "work").code == 2
    assert motia("queue", "pause", "--topic", "work").out == "paused: work → *\n"
    (pause,) = motia("queue", "paused", "--json").json
    assert (pause["topic"], pause["step"]) == ("work", "*")
    assert motia("queue", "resume", "--step", "work").out == "0 resumed\n"
    assert motia("queue", "resume", "--topic", "work").out == "1 resumed\n"
    assert motia("queue", "pause", "--step", "work").code == 0
    assert motia("queue", "resume", "--all", "--json").json == {"resumed": 1}


def test_ticks_of_the_past_are_enqueued_once(scheduled: str, motia: Callable[..., Any]) -> None:
    times = ("--from", "2026-03-27T00:00+01:00", "--to", "2026-03-31T00:00+02:00")
    ticks = motia("cron", "backfill", "report", *times, "--dry-run", "--json").json
    # The clocks went forward on the 29th: nine o'clock stays nine o'clock.
    assert [at_ms // 3_600_000 % 24 for at_ms in ticks["ticks_ms"]] == [8, 8, 7, 7]
    assert ticks["enqueued"] is False
    for _ in range(2):
        assert motia("cron", "backfill", "report", *times).out == "report: 4 ticks enqueued\n"
        (queue,) = [one for one in motia("queue", "list", "--json").json if one["step"] == "report"]
        assert queue["ready"] == 4
    assert motia("cron", "backfill", "none", *times).code == 2
    assert motia("cron", "backfill", "report", "--from", "1970-01-01T00:00").code == 2


def test_a_group_without_a_command_lists(scheduled: str, motia: Callable[..., Any]) -> None:
    assert motia("schedule", "--json").json == motia("schedule", "list", "--json").json
    assert motia("queue", "--json").json == motia("queue", "list", "--json").json
    assert motia("cron").out == motia("cron", "list").out
    assert motia("runs", "--json").json == []
    assert "Commands:" in motia("queue", "-h").out


@pytest.mark.parametrize(
    ("command", "hint"),
    [
        (("trigger", "wrok", "{}"), "did you mean 'work'?"),
        (("trigger", "nothing-like-it", "{}"), "`motia steps` lists them"),
        (("why", "nothing"), "got 'nothing'"),
    ],
)
def test_a_name_that_is_none_is_told_with_what_was_meant(
    scheduled: str, motia: Callable[..., Any], command: tuple[str, ...], hint: str
) -> None:
    ran = motia(*command)
    assert ran.code == 2
    assert hint in ran.err


def test_a_bulk_is_emitted_followed_and_cancelled(motia: Callable[..., Any], project: Path) -> None:
    (project / "steps").mkdir()
    (project / "steps" / "work_step.py").write_text(STEPS)
    bulk = motia("emit", "work", "--many", '{"n": 1}\n{"n": 2}\n', "--json").json
    assert bulk["messages"] == 2
    listed = motia("emit", "work", '[{"n": 3}]', "--many")
    assert listed.out.endswith(": 1 message\n")
    assert motia("queue", "bulk", bulk["bulk_id"], "--json").json["waiting"] == 2
    assert motia("cancel", "--bulk", bulk["bulk_id"], "--json").json == {"cancelled": 2}
    lines = motia("queue", "bulk", bulk["bulk_id"]).out.splitlines()
    assert [line.split() for line in lines][-1] == ["cancelled", "2"]
    assert motia("emit", "nobody", "--many", "[1]").code == 1
    assert motia("emit", "work", "--many", "[1").code == 2
    unknown = motia("queue", "bulk", "0" * 32)
    assert (unknown.code, "bulk" in unknown.err) == (2, True)


def test_a_name_that_the_project_does_not_have_is_told(scheduled: str, motia: Callable[..., Any]) -> None:
    for command in (("pause",), ("list",), ("dead",), ("redrive",), ("purge", "--yes")):
        told = motia("queue", *command, "--topic", "wrok", "--step", "work")
        assert told.code == 0
        assert told.err == (
            "note: topic 'wrok': expected one that a step subscribes to, got none of that name "
            "(did you mean 'work'?)\n"
        ), command
    for command in (("logs",), ("traces",)):
        assert "note: step 'wrok': expected a step of this project" in motia(*command, "--step", "wrok").err
    assert motia("queue", "pause", "--topic", "work").err == ""
    (Path("steps") / "mail_step.py").write_text("from motia import queue, step\n@step(queue('mail.sent'")
    told = motia("queue", "dead", "--topic", "mail.sent").err
    assert "(steps/mail_step.py names it and could not be loaded)" in told
