"""What `until` and `until_idle` of the test kit say when what they wait for does not come."""

from __future__ import annotations

from typing import Any

import pytest

from motia.core.clock import Clock, SystemClock
from motia.testing.app import TestApp
from motia.testing.clock import ManualClock


def test_a_wait_that_ends_says_what_came_instead(project: Any) -> None:
    project.step(
        "fail",
        """
        config = {"name": "fail", "triggers": [queue("fail", attempts=1)]}
        async def handler(input, ctx):
            raise ValueError("card refused")
        """,
    )

    async def scenario(app: TestApp) -> None:
        await app.emit("fail", 1)
        await app.until_idle()
        with pytest.raises(TimeoutError, match=r"no message\.settled step='fail'") as end:
            await app.until("message.settled", step="fail", outcome="completed", limit_s=0.01)
        assert str(end.value).endswith("the last of 1 that did: step='fail' outcome='dead'")
        with pytest.raises(TimeoutError, match=r"and no other cron\.fired"):
            await app.until("cron.fired", limit_s=0.01)

    project.run(scenario)


def test_what_can_never_come_is_refused_at_once(project: Any) -> None:
    async def scenario(app: TestApp) -> None:
        with pytest.raises(ValueError, match=r"did you mean 'message\.settled'"):
            await app.until("message.setled")
        with pytest.raises(ValueError, match="did you mean 'outcome'"):
            await app.until("message.settled", outcomes="dead")

    project.run(scenario)


@pytest.mark.parametrize("clock", [SystemClock(), ManualClock()])
def test_work_that_does_not_end_is_named(project: Any, clock: Clock) -> None:
    project.step(
        "hang",
        """
        import asyncio
        config = {"name": "hang", "triggers": [queue("hang")]}
        async def handler(input, ctx):
            await asyncio.Event().wait()
        """,
    )

    async def scenario(app: TestApp) -> None:
        message_id = await app.emit("hang", 1)
        await app.until("invocation.started", step="hang")
        with pytest.raises(TimeoutError, match=r"work left in hang \(1 running, 0 ready") as end:
            await app.until_idle(limit_s=0.01)
        assert ("app.advance" in str(end.value)) == isinstance(clock, ManualClock)
        assert (await app.http.post(f"/cancel/{message_id}")).status_code == 200

    project.step(
        "end",
        """
        from motia import http, step
        @step(http("POST", "/cancel/:message"))
        async def end(message: str, ctx):
            await ctx.queue.cancel(message)
        """,
    )
    project.run(scenario, clock=clock)
