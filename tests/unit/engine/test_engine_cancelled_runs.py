"""Runs that are cancelled: wherever they stand, what they did is undone, and that survives as they do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from motia.core.ids import parse_id
from motia.core.workflow import RunId, RunSummary
from motia.engine.engine import Engine
from motia.testing.app import TestApp
from motia.testing.clock import ManualClock
from motia.testing.crashes import crash_points

TRIP = """
import os
from pathlib import Path
ledger = Path(os.environ["LEDGER"])
def write(line):
    with ledger.open("a") as file:
        file.write(line + "\\n")
async def book(what):
    write(f"book {what}")
    return what
async def cancel(what):
    write(f"cancel {what}")

@step(queue("trip", retries=3, retry_delay=1))
async def trip(input, ctx):
    for what in ("flight", "hotel"):
        await ctx.step(f"book {what}", book, what, undo=cancel)
    %s
    await ctx.step("pay", book, "payment", undo=cancel)
"""


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "ledger"
    path.touch()
    monkeypatch.setenv("LEDGER", str(path))
    return path


def engine_of(app: TestApp) -> Engine:
    assert app.app.engine is not None
    return app.app.engine


def module_of(app: TestApp, step: str) -> Any:
    """The globals of a step's file."""
    registry = app.app.discovered.registry  # type: ignore[union-attr]
    return app.app.runtimes["python"]._loader.functions[registry.steps[step].handler].__globals__  # type: ignore[attr-defined]


async def run_of(app: TestApp, message: str, step: str = "trip") -> RunSummary:
    found = await app.app.backend.workflow.run(RunId(parse_id(message), step))
    assert found is not None
    return found


async def names_of(app: TestApp, message: str) -> list[str]:
    journal = await app.app.backend.workflow.journal(RunId(parse_id(message), "trip"))
    return [entry.name for entry in journal]


UNDONE = ["book flight", "book hotel", "cancel hotel", "cancel flight"]


@pytest.mark.parametrize("waits", ['await ctx.sleep("3d")', 'await ctx.wait_for("paid", match={"id": 1})'])
def test_a_run_that_waits_is_undone_and_ends_as_cancelled(project: Any, ledger: Path, waits: str) -> None:
    project.step("trip", TRIP % waits)

    async def scenario(app: TestApp) -> None:
        message = await app.emit("trip", {})
        await app.until_idle()
        (ended,) = await engine_of(app).interventions.cancel([parse_id(message)])
        assert ended.undoes
        # A second time changes nothing, and says so.
        assert await engine_of(app).interventions.cancel([parse_id(message)]) == []
        await app.until("message.settled", step="trip", outcome="cancelled")
        assert ledger.read_text().splitlines() == UNDONE
        run = await run_of(app, message)
        assert run.status == "cancelled"
        assert b"workflow.cancelled" in (run.error or b"")
        assert (await names_of(app, message))[-2:] == ["undo book hotel", "undo book flight"]
        await app.emit("paid", {"id": 1})
        await app.advance(days=4)
        await app.until_idle()
        assert ledger.read_text().splitlines() == UNDONE
        assert await app.dead_letters() == []

    project.run(scenario, clock=ManualClock())


def test_a_run_is_interrupted_in_a_step_and_undone(project: Any, ledger: Path) -> None:
    thinks = """
thinking = asyncio.Event()
async def think():
    thinking.set()
    await asyncio.Event().wait()
"""
    project.step("trip", thinks + TRIP % 'await ctx.step("think", think)')

    async def scenario(app: TestApp) -> None:
        message = await app.emit("trip", {})
        await module_of(app, "trip")["thinking"].wait()
        assert await engine_of(app).interventions.cancel_trace((await run_of(app, message)).trace.trace_id)
        await app.until("message.settled", step="trip", outcome="cancelled")
        assert ledger.read_text().splitlines() == UNDONE
        assert (await run_of(app, message)).status == "cancelled"
        outcomes = [event.fields["outcome"] for event in app.events if event.name == "message.settled"]
        assert outcomes == ["released", "cancelled"]

    project.run(scenario)


def test_a_run_cancelled_in_a_short_sleep_does_nothing_that_comes_after_it(
    project: Any, ledger: Path
) -> None:
    project.step("trip", TRIP % 'await ctx.sleep(1)\n    write("leave")')

    async def scenario(app: TestApp) -> None:
        message = await app.emit("trip", {})
        await app.until("invocation.started", step="trip")
        await app.advance(0.5)
        assert ledger.read_text().splitlines() == UNDONE[:2]
        await engine_of(app).interventions.cancel([parse_id(message)])
        await app.advance(10)
        await app.until("message.settled", step="trip", outcome="cancelled")
        assert ledger.read_text().splitlines() == UNDONE

    project.run(scenario, clock=ManualClock())


def test_a_handler_cancels_a_run_and_what_that_has_called(project: Any, ledger: Path) -> None:
    project.step("trip", TRIP % 'await ctx.call("visa", {})')
    project.step(
        "others",
        """
        @step()
        async def visa(input, ctx):
            await ctx.step("apply", lambda: 1, undo=lambda: None)
            await ctx.sleep("1d")

        @step(queue("regret"))
        async def regret(input, ctx):
            return await ctx.queue.cancel(input)
        """,
    )

    async def scenario(app: TestApp) -> None:
        message = await app.emit("trip", {})
        await app.until_idle()
        await app.emit("regret", message)
        await app.until("message.settled", step="trip", outcome="cancelled")
        await app.until("message.settled", step="visa", outcome="cancelled")
        assert ledger.read_text().splitlines() == UNDONE
        assert {run.status for run in await app.app.backend.workflow.runs()} == {"cancelled"}

    project.run(scenario, clock=ManualClock())


def test_a_caller_is_told_of_a_called_step_that_is_cancelled(project: Any) -> None:
    project.step(
        "order",
        """
        @step(queue("order"))
        async def order(input, ctx):
            try:
                await ctx.call("slow", {})
            except WorkflowError as error:
                return error.details["error"]["code"]

        @step(queue("unused", delay="1h"))
        async def slow(input, ctx): ...
        """,
    )

    async def scenario(app: TestApp) -> None:
        engine = engine_of(app)
        await engine.interventions.pause(step="slow")
        message = await app.emit("order", {})
        await app.until("message.settled", step="order", outcome="suspended")
        called = next(one for one in app._backend.messages if one.queue.step == "slow")
        await engine.interventions.cancel([called.id])
        await app.until("message.settled", step="order", outcome="completed")
        assert (await run_of(app, message, "order")).output == b'"message.cancelled"'

    project.run(scenario)


def test_a_run_ends_at_once_where_nothing_shall_be_undone(project: Any, ledger: Path) -> None:
    project.step("trip", TRIP % 'await ctx.sleep("3d")')

    async def scenario(app: TestApp) -> None:
        message = await app.emit("trip", {})
        await app.until_idle()
        (ended,) = await engine_of(app).interventions.cancel([parse_id(message)], undo=False)
        assert not ended.undoes
        assert (await run_of(app, message)).status == "cancelled"
        await app.until_idle()
        assert ledger.read_text().splitlines() == UNDONE[:2]

    project.run(scenario, clock=ManualClock())


def test_undoing_is_tried_again_where_the_handler_fails_before_it_has_said_how(
    project: Any, ledger: Path
) -> None:
    flaky = TRIP.replace(
        '    for what in ("flight", "hotel"):',
        """    state["calls"] += 1
    if state["calls"] == 2:
        raise ValueError("the database was away")
    for what in ("flight", "hotel"):""",
    ).replace("async def book(", 'state = {"calls": 0}\nasync def book(')
    project.step("trip", flaky % 'await ctx.sleep("3d")')

    async def scenario(app: TestApp) -> None:
        message = await app.emit("trip", {})
        await app.until_idle()
        await engine_of(app).interventions.cancel([parse_id(message)])
        await app.until_idle()
        await app.until("message.settled", step="trip", outcome="retried")
        await app.advance(5)
        await app.until("message.settled", step="trip", outcome="cancelled")
        assert ledger.read_text().splitlines() == UNDONE

    project.run(scenario, clock=ManualClock())


def test_a_last_attempt_that_fails_before_its_first_durable_call_is_undone_all_the_same(
    project: Any, ledger: Path
) -> None:
    away = TRIP.replace(
        '    for what in ("flight", "hotel"):',
        """    seen.append(1)
    if 1 < len(seen) < 5:
        raise ValueError("the database was away")
    for what in ("flight", "hotel"):""",
    ).replace("async def book(", "seen = []\nasync def book(")
    project.step("trip", away % 'raise ValueError("no visa")')

    async def scenario(app: TestApp) -> None:
        message = await app.emit("trip", {})
        for _ in range(8):
            await app.until_idle()
            await app.advance(60)
        assert ledger.read_text().splitlines() == UNDONE
        (letter,) = await app.dead_letters()
        assert b"the database was away" in letter.error
        run = await run_of(app, message)
        assert (run.status, b"the database was away" in (run.error or b"")) == ("failed", True)

    project.run(scenario, clock=ManualClock())


def test_an_undo_that_fails_is_told_and_the_others_go_on(project: Any, ledger: Path) -> None:
    broken = TRIP.replace(
        "async def cancel(what):",
        'async def cancel(what):\n    if what == "hotel":\n        raise ValueError("no")',
    )
    project.step("trip", broken % 'await ctx.sleep("3d")')

    async def scenario(app: TestApp) -> None:
        message = await app.emit("trip", {})
        await app.until_idle()
        await engine_of(app).interventions.cancel([parse_id(message)])
        for _ in range(4):
            await app.advance(2)
        await app.until("message.settled", step="trip", outcome="cancelled")
        assert ledger.read_text().splitlines() == ["book flight", "book hotel", "cancel flight"]
        run = await run_of(app, message)
        assert run.status == "cancelled"
        assert b'"undo_failures":[{"step":"book hotel"' in (run.error or b"")

    project.run(scenario, clock=ManualClock())


def test_undoing_survives_a_kill_after_every_point_it_persists(
    project: Any, ledger: Path, tmp_path: Path
) -> None:
    project.step("trip", TRIP % 'await ctx.sleep("3d")')
    (tmp_path / "motia.toml").write_text("")

    async def begin(app: TestApp) -> None:
        ledger.write_text("")
        message = await app.emit("trip", {})
        await app.until_idle()
        await engine_of(app).interventions.cancel([parse_id(message)])
        await app.until_idle()

    async def finish(app: TestApp) -> Any:
        await app.until_idle()
        (run,) = await app.app.backend.workflow.runs()
        if run.status == "suspended":
            await engine_of(app).interventions.cancel([run.id.message_id])
            await app.until_idle()
            (run,) = await app.app.backend.workflow.runs()
        return run.status

    after = []
    for crash in crash_points(tmp_path, begin, finish):
        after.append(crash.after)
        assert crash.result == "cancelled", crash
        assert ledger.read_text().splitlines() == UNDONE, crash
    assert after[-3:] == ["undo book hotel", "undo book flight", "the end"]


def test_a_message_that_had_to_start_in_time_has_no_end_once_it_is_a_run(project: Any) -> None:
    project.step(
        "order",
        """
        @step(queue("order", ttl="10s"))
        async def order(input, ctx):
            await ctx.sleep("1h")
            return "over"
        """,
    )

    async def scenario(app: TestApp) -> None:
        message = await app.emit("order", {})
        await app.until_idle()
        await app.advance(minutes=30)
        assert (await run_of(app, message, "order")).status == "suspended"
        await app.advance(minutes=31)
        await app.until_idle()
        assert (await run_of(app, message, "order")).output == b'"over"'

    project.run(scenario, clock=ManualClock())
