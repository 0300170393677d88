"""Calls a no-op step of another language, from a node's own runtime: `inside_worker.py LANGUAGE COUNT`.

`bare` calls a Node process that does nothing but parse and answer, over the same kind of socket. Prints one
JSON object: the median and 99th percentile of one call after the other, calls a second with 64 at once, and
the CPU of this process a call.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import uvloop

from motia.core.clock import SystemClock
from motia.core.invocation import Invocation, Succeeded
from motia.core.message import TraceContext
from motia.core.occurrence import Message
from motia.loading import ProjectLoader
from motia.runtimes.worker.connection import Connection
from motia.settings import Settings
from motia.tracing.recorder import Recorder

TASKS = 64
PAYLOAD = json.dumps(
    {
        "id": "order-1",
        "customer": {"name": "Ada Lovelace", "email": "ada@example.com"},
        "items": [{"sku": f"sku-{n}", "quantity": n, "price": 12.5} for n in range(6)],
        "note": "x" * 80,
    },
    separators=(",", ":"),
).encode()
STEPS = {
    "typescript": (
        "noop.step.ts",
        "export const config = { name: 'Noop', triggers: [{ type: 'queue', topic: 'noop' }], enqueues: [] }\n"
        "export const handler = async (input: unknown) => input\n",
    ),
    "ruby": (
        "noop.step.rb",
        "def config = { name: 'Noop', type: 'event', subscribes: ['noop'], emits: [] }\n"
        "def handler(input, context) = input\n",
    ),
    "go": (
        "noop.step.go",
        "package steps\n\n"
        'import "motia"\n\n'
        "func init() {\n"
        '\tmotia.Step(motia.Config{"name": "Noop", "type": "event", "subscribes": []string{"noop"}, '
        '"emits": []string{}},\n'
        "\t\tfunc(ctx *motia.Context, input any) (any, error) { return input, nil })\n"
        "}\n",
    ),
}


class NoCalls:
    """An execution that asks nothing of the engine."""

    user = None
    stop_reason = None
    timeout_s = 60.0

    def __init__(self) -> None:
        self.pending: list[Any] = []


async def through_runtime(language: str, folder: Path) -> tuple[Callable[[], Awaitable[None]], Any]:
    name, text = STEPS[language]
    (folder / "steps").mkdir()
    (folder / "steps" / name).write_text(text)
    settings = Settings(project_dir=folder, mode="production")
    clock = SystemClock()
    recorder = Recorder(clock.now_ms)
    loader = ProjectLoader(settings, clock, recorder, node="bench")
    loaded = await loader.load()
    if loaded.problems:
        await loader.stop()
        raise RuntimeError(str(loaded.problems[0]))
    step = loaded.discovered.registry.steps["Noop"]
    runtime = loader.runtimes[language]
    occurrence = Message(topic="noop", payload=PAYLOAD, message_id=b"0" * 16)

    async def call() -> None:
        invocation = Invocation(step, 0, occurrence, TraceContext("0" * 32, "0" * 16, 0))
        outcome = await runtime.invoke(invocation, NoCalls())  # type: ignore[arg-type]  # asks nothing
        if type(outcome) is not Succeeded:
            raise RuntimeError(repr(outcome))

    return call, loader.stop


async def bare(folder: Path) -> tuple[Callable[[], Awaitable[None]], Any]:
    path = str(folder / "bare.sock")
    script = str(Path(__file__).parent / "apps" / "bare_worker.mjs")
    process = await asyncio.create_subprocess_exec("node", script, path)
    connection = Connection(
        on_call=lambda *_: None, on_note=lambda *_: None, on_end=lambda *_: None, limits=None
    )
    for _ in range(200):
        try:
            await asyncio.get_running_loop().create_unix_connection(lambda: connection, path)
            break
        except OSError:
            await asyncio.sleep(0.02)

    async def call() -> None:
        await connection.call(b"invoke", b'{"input":%b}' % PAYLOAD)[1]

    async def stop() -> None:
        process.kill()
        await process.wait()

    return call, stop


async def measure(language: str, count: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="mb") as name:
        make = bare(Path(name)) if language == "bare" else through_runtime(language, Path(name))
        call, stop = await make
        try:
            await many(call, count // 4 + TASKS)
            laps = []
            for _ in range(count // 4):
                began = time.perf_counter()
                await call()
                laps.append(time.perf_counter() - began)
            cpu_s, began = time.process_time(), time.perf_counter()
            await many(call, count)
            elapsed_s = time.perf_counter() - began
            return {
                "p50_ms": statistics.median(laps) * 1e3,
                "p99_ms": sorted(laps)[len(laps) * 99 // 100] * 1e3,
                "per_s": count / elapsed_s,
                "cpu_us": (time.process_time() - cpu_s) / count * 1e6,
            }
        finally:
            await stop()


async def many(call: Callable[[], Awaitable[None]], count: int) -> None:
    async def some(times: int) -> None:
        for _ in range(times):
            await call()

    await asyncio.gather(*(some(count // TASKS) for _ in range(TASKS)))


if __name__ == "__main__":
    print(json.dumps(uvloop.run(measure(sys.argv[1], int(sys.argv[2])))))
