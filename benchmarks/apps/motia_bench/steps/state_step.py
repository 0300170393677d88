"""Writers and readers of the state benchmarks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from motia import Context, step


async def _spread(count: int, tasks: int, operation: Callable[[int], Awaitable[Any]]) -> None:
    left = iter(range(count))

    async def one_task() -> None:
        for number in left:
            await operation(number)

    await asyncio.gather(*(one_task() for _ in range(tasks)))


@step()
async def set_state(input: dict[str, Any], ctx: Context) -> None:
    """Every write has a value of its own: SQLite skips a page whose bytes do not change."""
    await _spread(
        input["count"],
        input["tasks"],
        lambda number: ctx.state.set("bench", f"key-{number % 1000}", {"number": number, "text": "x" * 100}),
    )


@step()
async def get_state(input: dict[str, Any], ctx: Context) -> None:
    for number in range(input["count"]):
        await ctx.state.get("bench", f"key-{number % 1000}")


@step()
async def increment_state(input: dict[str, Any], ctx: Context) -> None:
    await _spread(
        input["count"],
        input["tasks"],
        lambda number: ctx.state.increment("bench", f"counter-{number % 100}"),
    )
