"""Runs of the workflow benchmark."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from motia import Context, queue, step


async def nothing() -> int:
    return 1


@step(queue("bench.workflow"))
async def three_steps(input: dict[str, Any], ctx: Context) -> None:
    for name in ("one", "two", "three"):
        await ctx.step(name, nothing)


@step()
async def begin_runs(input: dict[str, Any], ctx: Context) -> None:
    """Enqueues the messages of `runs` runs, a thousand a commit."""
    left: int = input["runs"]
    while left > 0:
        await ctx.enqueue([{"topic": "bench.workflow", "data": {}} for _ in range(min(left, 1000))])
        left -= 1000


alone_ms: list[float] = []


@step(queue("bench.workflow.alone"))
async def alone(input: dict[str, Any], ctx: Context) -> None:
    for name in ("one", "two", "three"):
        await ctx.step(name, nothing)
    alone_ms.append((time.perf_counter() - input["at_s"]) * 1e3)


@step()
async def runs_one_by_one(input: dict[str, Any], ctx: Context) -> list[float]:
    """Milliseconds of `runs` runs, of which each has the node for itself."""
    alone_ms.clear()
    for number in range(input["runs"]):
        await ctx.enqueue("bench.workflow.alone", {"at_s": time.perf_counter()})
        while len(alone_ms) <= number:
            await asyncio.sleep(0.01)
    return alone_ms
