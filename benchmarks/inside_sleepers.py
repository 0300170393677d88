"""Puts runs to sleep, or wakes them: `inside_sleepers.py PROJECT put|wake KIND RUNS FIRST_S SPREAD_S`.

KIND is `runs` or `messages`. Two processes, so that what putting 100,000 to sleep costs is not counted as
what keeping them does. Prints one JSON object.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from typing import Any

import uvloop
from measure import rss_bytes

from motia.app import App
from motia.node.collector import settle_collector
from motia.settings.load import load_settings

_LOOK_S = 0.25
_GIVE_UP_S = 300.0


async def put(app: Any, kind: str, runs: int, first_s: float, spread_s: float) -> dict[str, float]:
    """Memory of a node without any run, and the time until all sleep."""
    before_bytes, started_s = rss_bytes(os.getpid()), time.perf_counter()
    plan = {"scheduled": kind == "messages", "runs": runs, "first_s": first_s, "spread_s": spread_s}
    await app.engine.call_step("put_to_sleep", plan)
    while sum(depth.scheduled for depth in await app.backend.queue.depths()) < runs:
        if time.time() > first_s:
            raise SystemExit("the first woke before the last slept: this machine is too slow for the plan")
        await asyncio.sleep(_LOOK_S)
    return {"empty_bytes": before_bytes, "elapsed_s": time.perf_counter() - started_s}


async def wake(app: Any, _: str, runs: int, first_s: float, spread_s: float) -> dict[str, float]:
    """Memory of a node that has them all, and how late they woke."""
    asleep_bytes = rss_bytes(os.getpid())
    await asyncio.sleep(max(0.0, first_s - time.time()))
    cpu_before_s = time.process_time()
    while (woken := await app.engine.call_step("woken", {})) < runs:
        if time.time() > first_s + spread_s + _GIVE_UP_S:
            raise SystemExit(f"{runs - woken} of {runs} runs never woke")
        await asyncio.sleep(_LOOK_S)
    cpu_s = time.process_time() - cpu_before_s
    ordered = sorted(await app.engine.call_step("lateness", {}))
    return {
        "asleep_bytes": asleep_bytes,
        "awake_bytes": rss_bytes(os.getpid()),
        "late_p50_s": ordered[runs // 2],
        "late_p99_s": ordered[runs * 99 // 100],
        "late_most_s": ordered[-1],
        "cpu_us": cpu_s / runs * 1e6,
    }


async def run(
    project: str, what: str, kind: str, runs: int, first_s: float, spread_s: float
) -> dict[str, float]:
    app = App(load_settings(project, mode="production").settings)
    await app.start()
    settle_collector()
    try:
        return await (put if what == "put" else wake)(app, kind, runs, first_s, spread_s)
    finally:
        await app.drain()
        await app.stop()


if __name__ == "__main__":
    _, path, phase, kind, runs, first, spread = sys.argv
    print(json.dumps(uvloop.run(run(path, phase, kind, int(runs), float(first), float(spread)))))
