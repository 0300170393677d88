"""The flow control example does what its README says."""

from __future__ import annotations

import asyncio
from pathlib import Path

from motia.testing import ManualClock, TestApp

_PROJECT = Path(__file__).parents[2] / "examples" / "flow"


def test_a_burst_is_printed_indexed_exported_and_receipted_once() -> None:
    async def scenario() -> None:
        async with TestApp(_PROJECT, clock=ManualClock()) as app:
            answer = await app.http.post("/burst")
            assert answer.json() == {"pages": 30, "receipts": 5}
            await app.advance(0.5)
            printed = sum((await app.state.entries("printed")).values())
            assert printed == 10
            await app.advance(3)
            assert await app.state.entries("printed") == {"user-0": 10, "user-1": 10, "user-2": 10}
            assert await app.state.get("indexed", "handbook") == 29
            assert await app.state.get("exported", "pages") == 30
            assert await app.state.get("exported", "calls") < 30
            assert await app.state.entries("receipts") == {str(order): 1 for order in range(4)}
            (dead,) = await app.dead_letters()
            assert dead.code == "handler.raised"

    asyncio.run(scenario())
