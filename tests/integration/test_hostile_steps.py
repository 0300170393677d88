"""Steps that do their worst among a thousand innocent messages: they are buried, the service goes on."""

from __future__ import annotations

import sys
import textwrap
from typing import Any

import httpx
import pytest
from real_process import Project, eventually, run

from motia import encoding
from motia.core.batch import Batch, Enqueue
from motia.core.clock import SystemClock, SystemEntropy
from motia.core.ids import Ids
from motia.core.message import NewMessage, QueueName, TraceContext

COUNT = 1000
INNOCENT = """
config = {"name": "Innocent", "triggers": [queue("innocent")]}
async def handler(input, ctx):
    await asyncio.sleep(0.005)
    await ctx.state.increment("done", str(input))
"""
BLOCKING = """
config = {"name": "Blocking", "triggers": [queue("blocking")]}
def handler(input, ctx):
    ctx.state.increment("done", f"blocking {input}")
"""
LOAD = """
config = {"name": "Load", "triggers": [http("POST", "/load")]}
async def handler(request, ctx):
    topics = ["blocking" if number % 20 == 0 else "innocent" for number in range(request.body["count"])]
    await ctx.enqueue([{"topic": topic, "data": number} for number, topic in enumerate(topics)])
    return {"status": 202, "body": None}
"""
POLICY = '[queue("{name}", attempts=2, retry_delay=0.1, timeout=1)]'
HOSTILE = {
    "Regex": """
        import re
        async def handler(input, ctx):
            re.match(r"(a+)+$", "a" * 64 + "b")
        """,
    "AsyncSpin": """
        async def handler(input, ctx):
            while True:
                pass
        """,
    "ThreadSpin": """
        def handler(input, ctx):
            while True:
                pass
        """,
    "Abort": """
        import os
        async def handler(input, ctx):
            os.abort()
        """,
    "ThreadLeak": """
        import threading
        def handler(input, ctx):
            for _ in range(20):
                threading.Thread(target=threading.Event().wait, daemon=True).start()
            threading.Event().wait()
        """,
    "Memory": """
        async def handler(input, ctx):
            kept = []
            while True:
                kept.append(bytearray(20_000_000))
        """,
}
UNSURE = {"ThreadSpin", "ThreadLeak", "Memory"}
"""What they meet first depends on the machine: a refused thread or allocation, the timeout, the watchdog."""
EXPECTED = {
    "Regex": "worker.crashed",
    "AsyncSpin": "worker.crashed",
    "Abort": "worker.crashed",
}
APP = """
import resource
from contextlib import asynccontextmanager
from pathlib import Path

@asynccontextmanager
async def lifespan():
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (used + 500_000_000, hard))
    yield
"""
SETTINGS = """
[queue]
handler_timeout_s = 1.5
cancel_grace_s = 0.5
max_crashes = 2
threads = 8
"""


@pytest.mark.timeout(150)
@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited by the address space, as Linux does")
def test_hostile_steps_are_dead_lettered_and_no_innocent_is(real_project: Project) -> None:
    real_project.step("load", LOAD)
    real_project.step("innocent", INNOCENT)
    real_project.step("blocking", BLOCKING)
    for name, source in HOSTILE.items():
        config = f'config = {{"name": "{name}", "triggers": {POLICY.format(name=name)}}}\n'
        real_project.step(name.lower(), f"{config}{textwrap.dedent(source)}")
    real_project.file("app.py", APP)
    real_project.file("motia.toml", SETTINGS)

    async def main() -> None:
        await store_messages(real_project)
        with real_project.running("start", "--nodes", "2") as running:
            base = await running.ready()
            async with httpx.AsyncClient() as client:

                async def all_ended() -> Any | None:
                    left, dead = await real_project.left()
                    return dead if left == 0 else None

                dead = await eventually(all_ended, 80, lambda: running.text)
                codes = {one.queue.step: one.code for one in dead}
                assert {name: codes.get(name) for name in EXPECTED} == EXPECTED
                assert codes.keys() == EXPECTED.keys() | UNSURE
                assert len(dead) == len(HOSTILE)
                for one in dead:
                    error = encoding.decode(one.error)
                    assert error["message"]
                    if one.code == "worker.crashed":
                        assert one.crashes >= 2  # more, where a handler that was given up ran beside it
                # The service goes on.
                await running.ready()
                again = await client.post(f"{base}/load", json={"count": 50}, timeout=20)
                assert again.status_code == 202

                async def done() -> bool | None:
                    async with real_project.store() as backend:
                        entries = await backend.state.entries("done", 0)
                    twice = sum(encoding.decode(entry.value) >= 2 for entry in entries)
                    return True if len(entries) == COUNT and twice >= 50 else None

                await eventually(done, 40, lambda: running.text)
            assert await running.stop() == 0, running.text[-3000:]

    run(main, 130)


async def store_messages(project: Project) -> None:
    """The innocent, and one hostile message after every 150 of them."""
    ids = Ids(SystemClock(), SystemEntropy())
    queues = []
    for number in range(COUNT):
        queues.append(
            QueueName("blocking", "Blocking") if number % 20 == 0 else QueueName("innocent", "Innocent")
        )
        if number % 150 == 75 and number // 150 < len(HOSTILE):
            name = list(HOSTILE)[number // 150]
            queues.append(QueueName(name, name))
    innocent = iter(range(COUNT))
    messages = [
        NewMessage(
            id=ids.message_id(),
            queue=queue,
            payload=encoding.encode({} if queue.step in HOSTILE else next(innocent)),
            trace=TraceContext(ids.trace_id(), ""),
            enqueued_at_ms=SystemClock().now_ms(),
        )
        for queue in queues
    ]
    async with project.store() as backend:
        await backend.commit(Batch([Enqueue(message) for message in messages]))
