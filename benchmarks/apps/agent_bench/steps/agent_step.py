"""Runs of the agent benchmark: two answers of pydantic-ai's model for tests, and a tool between them."""

from __future__ import annotations

from typing import Any

from pydantic_ai.models.test import TestModel

from motia import Context, queue, step
from motia.agents import Agent


async def to_fahrenheit(celsius: float) -> float:
    """Convert degrees."""
    return celsius * 9 / 5 + 32


converter = Agent("converter", TestModel(), instructions="Convert.", tools=[to_fahrenheit])


@step(queue("bench.agent"))
async def convert(input: dict[str, Any], ctx: Context) -> str:
    return (await converter.run(ctx, "How warm is it?")).output


@step()
async def begin_runs(input: dict[str, Any], ctx: Context) -> None:
    """Enqueues the messages of `runs` runs, in one commit."""
    await ctx.enqueue([{"topic": "bench.agent", "data": {}} for _ in range(input["runs"])])
