"""Runs that sleep and messages that wait for their time: their memory, and their waking."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from motia import Context, queue, step

late_s: list[float] = []


@step(queue("bench.sleepers"))
async def sleeper(input: dict[str, Any], ctx: Context) -> None:
    await ctx.sleep_until(datetime.fromtimestamp(input["due_s"], UTC))
    late_s.append(time.time() - input["due_s"])


@step(queue("bench.scheduled"))
async def scheduled(input: dict[str, Any]) -> None:
    late_s.append(time.time() - input["due_s"])


@step()
async def put_to_sleep(input: dict[str, Any], ctx: Context) -> None:
    """Enqueues `runs` runs, or messages with `scheduled`, that are due one after the other from `first_s` on,
    over `spread_s`."""
    runs: int = input["runs"]
    for begin in range(0, runs, 1000):
        due = [
            input["first_s"] + input["spread_s"] * at / runs for at in range(begin, min(runs, begin + 1000))
        ]
        if input["scheduled"]:
            topic, at = "bench.scheduled", [{"at": due_s} for due_s in due]
        else:
            topic, at = "bench.sleepers", [{} for _ in due]
        await ctx.enqueue(
            [{"topic": topic, "data": {"due_s": s}, **when} for s, when in zip(due, at, strict=True)]
        )


@step()
async def woken(input: dict[str, Any], ctx: Context) -> int:
    """How many runs woke in this process."""
    return len(late_s)


@step()
async def lateness(input: dict[str, Any], ctx: Context) -> list[float]:
    """Seconds that each run woke late in this process."""
    return late_s
