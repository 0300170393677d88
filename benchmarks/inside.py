"""Runs one step in a node of its own: `inside.py PROJECT '{"step": …, "input": …, "warm_up": …}'`.

The node has the production settings of the project and serves no HTTP. Prints one JSON object: what the step
returned, the time until everything it enqueued was settled, the CPU of all threads, and the transactions
committed, each of which costs one sync of the disk.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

import uvloop

from motia.app import App
from motia.core.batch import Batch, StateDelete, StatePut
from motia.node.collector import settle_collector
from motia.settings.load import load_settings

_LOOK_S = 0.002


async def settled(app: Any) -> None:
    """Return when no message is stored any more."""
    while True:
        consumer = app.engine.consumer
        if consumer.running or consumer.held or app.backend.pending_operations():
            await asyncio.sleep(_LOOK_S)
            continue
        depths = await app.backend.queue.depths()
        if not any(depth.ready or depth.claimed or depth.scheduled for depth in depths):
            return
        await asyncio.sleep(_LOOK_S)


async def wear_in(app: Any) -> None:
    """Bring the log of the storage round once, as after a while on any node.

    Until then every commit makes the file longer, which takes the disk half as long again.
    """
    for number in range(20):
        # Another value each time: SQLite does not write what a page holds already.
        value = bytes([number]) * 1_000_000
        await app.backend.commit(Batch([StatePut(scope="bench", key="wear", value=value, now_ms=0)]))
    await app.backend.commit(Batch([StateDelete(scope="bench", key="wear", now_ms=0)]))


async def run(project: str, order: dict[str, Any]) -> dict[str, Any]:
    """Call the step, once to warm up and once measured."""
    app = App(load_settings(project, mode="production").settings)
    await app.start()
    settle_collector()
    try:
        engine = app.engine
        assert engine is not None
        await wear_in(app)
        if "warm_up" in order:
            await engine.call_step(order["step"], order["warm_up"])
            await settled(app)
        if order.get("ready"):
            print("ready", flush=True)
        commits = getattr(app.backend, "commits", 0)
        cpu_before_s, started_s = time.process_time(), time.perf_counter()
        result = await engine.call_step(order["step"], order["input"])
        await settled(app)
        return {
            "result": result,
            "elapsed_s": time.perf_counter() - started_s,
            "cpu_s": time.process_time() - cpu_before_s,
            "commits": getattr(app.backend, "commits", 0) - commits,
        }
    finally:
        await app.drain()
        await app.stop()


if __name__ == "__main__":
    print(json.dumps(uvloop.run(run(sys.argv[1], json.loads(sys.argv[2])))))
