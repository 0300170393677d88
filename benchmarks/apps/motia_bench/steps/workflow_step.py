"""Runs of the workflow benchmark."""

from __future__ import annotations

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
