"""The floor of an agent: pydantic-ai's own, with its model for tests and a tool, which keeps nothing.

`bare_agent.py RUNS`: a hundred at once. Prints the CPU seconds of all runs.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

import uvloop
from pydantic_ai import Agent
from pydantic_ai.models.test import TestModel

_AT_ONCE = 100


async def to_fahrenheit(celsius: float) -> float:
    """Convert degrees."""
    return celsius * 9 / 5 + 32


async def run(count: int) -> dict[str, float]:
    agent = Agent(TestModel(), instructions="Convert.", tools=[to_fahrenheit])

    async def some(times: int) -> None:
        for _ in range(times):
            await agent.run("How warm is it?")

    await some(max(10, count // 10))
    before_s = time.process_time()
    await asyncio.gather(*(some(len(range(task, count, _AT_ONCE))) for task in range(_AT_ONCE)))
    return {"cpu_s": time.process_time() - before_s}


if __name__ == "__main__":
    print(json.dumps(uvloop.run(run(int(sys.argv[1])))))
