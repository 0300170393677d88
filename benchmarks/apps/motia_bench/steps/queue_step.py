"""Producers and no-op consumers of the queue benchmarks. Both run in one node and share this module."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from motia import Context, queue, step

_latencies_us: list[float] = []
_arrived = asyncio.Event()


@step(queue("bench.load"))
async def consume(input: dict[str, Any]) -> None:
    """Does nothing: what is measured is everything around it."""


@step(queue("bench.latency"))
async def note_latency(input: dict[str, Any]) -> None:
    """Notes how long ago, on the machine's monotonic clock, the enqueuer set out."""
    _latencies_us.append((time.monotonic_ns() - input["sent_ns"]) / 1e3)
    _arrived.set()


@step()
async def produce(input: dict[str, Any], ctx: Context) -> None:
    """`producers` tasks, each with one message of `messages` in flight at a time."""
    left = iter(range(input["messages"]))

    async def one_producer() -> None:
        for number in left:
            await ctx.enqueue("bench.load", {"number": number, "text": "x" * 100})

    await asyncio.gather(*(one_producer() for _ in range(input["producers"])))


@step()
async def enqueue_when_idle(input: dict[str, Any], ctx: Context) -> list[float]:
    """One message after another, each into an idle node; µs from the call of enqueue to its handler."""
    _latencies_us.clear()
    for _ in range(input["messages"]):
        _arrived.clear()
        await ctx.enqueue("bench.latency", {"sent_ns": time.monotonic_ns()})
        await _arrived.wait()
        await asyncio.sleep(0.005)
    return list(_latencies_us)


@step()
async def collect(input: dict[str, Any]) -> list[float]:
    """Waits for `messages` that another process sends; µs from its enqueue to the handler."""
    while len(_latencies_us) < input["messages"]:
        _arrived.clear()
        await _arrived.wait()
    return list(_latencies_us)
