"""What requests and messages leave behind: nothing that only the garbage collector could free."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from motia.engine.engine import Engine
from motia.engine.execution import Execution
from motia.engine.run import Run
from motia.testing.app import TestApp
from motia.testing.clock import ManualClock


def _engine_of(one: object) -> Engine | None:
    """Of an execution or a run: what other tests left in this process is no matter of this one."""
    if isinstance(one, Execution):
        return one.engine
    return one._engine if isinstance(one, Run) else None


@pytest.mark.parametrize("mode", ["production", "development"])
def test_executions_are_freed_without_the_collector(project: Any, mode: str) -> None:
    project.step(
        "order",
        """
        @step(http("POST", "/orders"))
        async def order(body: dict[str, int], ctx):
            await ctx.enqueue("order", body)
            await ctx.state.set("orders", "last", body)
            await ctx.streams.orders.set("all", "last", body)
            await ctx.call("price", body)
            return body

        orders = Stream({"name": "orders"})

        @step()
        async def price(body):
            return 1

        @step(queue("order"))
        async def pack(body, ctx):
            ctx.logger.info("packed")
        """,
    )

    async def scenario(app: TestApp) -> None:
        async def order() -> None:
            assert (await app.http.post("/orders", json={"id": 1})).status_code == 200
            await app.until_idle()

        await order()
        gc.collect()
        gc.disable()
        try:
            for _ in range(5):
                await order()
            await app.advance(1)  # what is told in the background has been told
            left = [one for one in gc.get_objects() if _engine_of(one) is app.app.engine]
        finally:
            gc.enable()
        assert left == []

    project.run(scenario, clock=ManualClock(), mode=mode)
