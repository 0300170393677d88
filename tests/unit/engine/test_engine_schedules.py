"""Cron ticks and points in time, on a clock that the test moves."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from motia.core.batch import Batch, Fire
from motia.core.message import NewMessage, QueueName, TraceContext
from motia.testing.app import TestApp
from motia.testing.clock import ManualClock

START = datetime(2026, 1, 1, 10, 0, 30, tzinfo=UTC)
MINUTE_MS = 60_000


def ticks(app: TestApp) -> list[int]:
    return [event.fields["scheduled_at_ms"] for event in app.events if event.name == "cron.fired"]


def test_a_cron_step_runs_at_each_tick(project: Any) -> None:
    project.step(
        "tick",
        """
        config = {"name": "Tick", "triggers": [cron("* * * * *")]}
        async def handler(input, ctx):
            assert ctx.is_cron()
            await ctx.state.increment("s", "ticks")
            await ctx.state.set("s", "last", ctx.trigger.scheduled_at.isoformat())
        """,
    )

    async def scenario(app: TestApp) -> None:
        await app.advance(29.9)
        assert ticks(app) == []
        await app.advance(0.2)
        first_ms = round(datetime(2026, 1, 1, 10, 1, tzinfo=UTC).timestamp() * 1000)
        assert ticks(app) == [first_ms]
        await app.advance(180)
        assert ticks(app) == [first_ms + n * MINUTE_MS for n in range(4)]
        assert await app.state.get("s", "ticks") == 4
        assert await app.state.get("s", "last") == "2026-01-01T10:04:00+00:00"

    project.run(scenario, clock=ManualClock(START))


def test_a_tick_is_skipped_queued_or_run_beside_while_the_last_one_runs(project: Any) -> None:
    for overlap in ("skip", "queue", "allow"):
        project.step(
            overlap,
            f"""
            trigger = cron("* * * * *", overlap="{overlap}", timeout=1000)
            config = {{"name": "{overlap}", "triggers": [trigger]}}
            async def handler(input, ctx):
                await ctx.state.increment("started", "{overlap}")
                while not await ctx.state.get("s", "open"):
                    await ctx.state.increment("s", "looks")
                    await opened.wait()
            opened = asyncio.Event()
            """,
        )

    async def scenario(app: TestApp) -> None:
        await app.advance(31)
        assert await app.state.entries("started") == {"skip": 1, "queue": 1, "allow": 1}
        await app.advance(180)
        started = await app.state.entries("started")
        assert started["skip"] == 1
        assert started["allow"] == 4
        assert started["queue"] == 1

    project.run(scenario, clock=ManualClock(START))


def missed_project(project: Any, missed: str) -> None:
    project.step(
        "tick",
        f"""
        config = {{"name": "Tick", "triggers": [cron("* * * * *", missed="{missed}")]}}
        async def handler(input, ctx):
            await ctx.state.increment("s", "ticks")
        """,
    )


def run_after_five_missed(project: Any, missed: str) -> list[int]:
    """Minutes of the ticks fired at a start five minutes after the last one."""
    missed_project(project, missed)
    clock = ManualClock(START)
    fired: list[int] = []

    async def scenario(app: TestApp) -> None:
        assert app.app.engine is not None
        schedules = app.app.engine.schedules
        (schedule,) = schedules.schedules
        await schedules.stop()
        at_ms = clock.now_ms() - 5 * MINUTE_MS
        message = NewMessage(
            id=app.app.engine.ids.message_id(),
            queue=QueueName("", "Tick"),
            payload=b"null",
            trace=TraceContext("", ""),
            enqueued_at_ms=at_ms,
        )
        at_ms -= at_ms % MINUTE_MS
        await app._backend.commit(Batch((Fire(key=schedule.key, at_ms=at_ms, message=message),)))
        schedules._timer = None
        await schedules.start()
        await asyncio.sleep(0)
        await app.advance(0.5)
        fired.extend((tick - at_ms) // MINUTE_MS for tick in ticks(app))

    project.run(scenario, clock=clock)
    return fired


def test_missed_ticks_are_forgotten(project: Any) -> None:
    assert run_after_five_missed(project, "skip") == []


def test_the_last_missed_tick_is_made_up_for(project: Any) -> None:
    assert run_after_five_missed(project, "once") == [5]


def test_all_missed_ticks_are_made_up_for(project: Any) -> None:
    assert run_after_five_missed(project, "all") == [1, 2, 3, 4, 5]


def test_a_point_in_time_runs_once(project: Any) -> None:
    project.step(
        "party",
        """
        config = {"name": "Party", "triggers": [{"type": "at", "at": "2026-01-01T10:10:30Z"}]}
        async def handler(input, ctx):
            await ctx.state.increment("s", "parties")
        """,
    )

    async def scenario(app: TestApp) -> None:
        await app.advance(599)
        assert await app.state.get("s", "parties") is None
        await app.advance(2)
        assert await app.state.get("s", "parties") == 1
        assert app.app.engine is not None
        await app.app.engine.schedules._fire_points()
        await app.advance(5)
        assert await app.state.get("s", "parties") == 1

    project.run(scenario, clock=ManualClock(START))


def test_a_failing_tick_is_retried_like_every_message(project: Any) -> None:
    project.step(
        "tick",
        """
        config = {"name": "Tick", "triggers": [cron("0 * * * *", attempts=3, retry_delay=1)]}
        async def handler(input, ctx):
            raise RuntimeError("no")
        """,
    )

    async def scenario(app: TestApp) -> None:
        await app.run_cron("Tick")
        await app.advance(10)
        (dead,) = await app.dead_letters()
        assert (dead.queue.step, dead.failures) == ("Tick", 3)

    project.run(scenario, clock=ManualClock(START))
