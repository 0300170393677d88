"""One no-op consumer for each kind of flow control, of which none keeps anything back for long."""

from __future__ import annotations

import asyncio
from typing import Any

from motia import Context, queue, step

_OFTEN = "1000000/second"


@step(queue("bench.plain"))
async def plain(input: dict[str, Any]) -> None:
    """What the others are compared with."""


@step(queue("bench.total", concurrency=64))
async def total(input: dict[str, Any]) -> None: ...


@step(queue("bench.key", concurrency={"limit": 10, "key": "user"}))
async def key(input: dict[str, Any]) -> None: ...


@step(queue("bench.rate", rate_limit=_OFTEN))
async def rate(input: dict[str, Any]) -> None: ...


@step(queue("bench.rate_key", rate_limit={"limit": 100_000, "period": "1s", "key": "user"}))
async def rate_key(input: dict[str, Any]) -> None: ...


@step(queue("bench.both", concurrency={"limit": 10, "key": "user"}, rate_limit=_OFTEN))
async def both(input: dict[str, Any]) -> None: ...


@step(queue("bench.priority", priority="level"))
async def priority(input: dict[str, Any]) -> None: ...


@step(queue("bench.group", group_by="user"))
async def group(input: dict[str, Any]) -> None: ...


@step(queue("bench.dedupe", dedupe="number"))
async def dedupe(input: dict[str, Any]) -> None: ...


@step(queue("bench.debounce", debounce={"period": "10ms", "key": "number"}))
async def debounce(input: dict[str, Any]) -> None: ...


@step(queue("bench.ttl", ttl="1h"))
async def ttl(input: dict[str, Any]) -> None: ...


@step(queue("bench.delay", delay="10ms"))
async def delay(input: dict[str, Any]) -> None: ...


@step(queue("bench.batch", batch={"size": 20, "wait": "5ms"}))
async def batch(inputs: list[dict[str, Any]]) -> None: ...


@step(queue("bench.block"))
async def block(input: dict[str, Any], ctx: Context) -> None:
    """A step as people write them: state and the next message in one block."""
    async with ctx.atomic():
        await ctx.state.update("users", input["user"], [{"type": "increment", "path": "seen"}])
        await ctx.enqueue("bench.plain", input)


@step()
async def produce_to(input: dict[str, Any], ctx: Context) -> None:
    """`producers` tasks, each with one message of `messages` to `topic` in flight at a time."""
    first = input.get("first", 0)
    left = iter(range(first, first + input["messages"]))

    async def one_producer() -> None:
        for number in left:
            message = {
                "number": number,
                "user": f"user-{number % 100}",
                "level": number % 3,
                "text": "x" * 100,
            }
            await ctx.enqueue(input["topic"], message)

    await asyncio.gather(*(one_producer() for _ in range(input["producers"])))
