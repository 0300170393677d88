"""Queue: throughput and syncs of enqueue → no-op handler → settled, and the latency of an idle node."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from measure import Effort, Row, median
from processes import APPS, HERE, bench_project, clean_environment, run_inside, run_json

from motia.adapters import open_backend
from motia.core.batch import Batch, Enqueue
from motia.core.calls import EnqueueRequest
from motia.core.clock import SystemClock, SystemEntropy
from motia.core.ids import Ids
from motia.core.message import TraceContext
from motia.engine.enqueue import fan_out
from motia.outside import discover_project
from motia.settings.load import load_settings

_MESSAGES = 60_000
_PRODUCERS = 64
_IDLE_MESSAGES = 200


def run(effort: Effort) -> list[Row]:
    count = effort.count(_MESSAGES, least=_PRODUCERS)
    ours: list[dict[str, Any]] = []
    bare: list[dict[str, Any]] = []
    for _ in range(effort.rounds):
        ours.append(produce(count))
        bare.append(bare_sqlite("queue", count))
    rate, bare_rate = (median(count / one["elapsed_s"] for one in runs) for runs in (ours, bare))
    cost_us, bare_us = (median(one["cpu_s"] / count * 1e6 for one in runs) for runs in (ours, bare))
    syncs = median(one["commits"] / count for one in ours)
    idle = effort.count(_IDLE_MESSAGES, least=3)
    idle_ms = _idle_ms(idle)
    commit_ms = bare_sqlite("idle", idle, tasks=1)["p50_ms"]
    return [
        Row("enqueue → settled, 64 producers", cost_us, "µs CPU", bare_us, "bare SQLite"),
        Row("  messages per second", rate, "/s", bare_rate, "bare SQLite", "at least", 20_000, by="ours"),
        Row("  syncs per message", syncs, "", None, "", "at most", 1 / 16, by="ours"),
        Row("idle enqueue() → handler p50", idle_ms, "ms", commit_ms, "commit", "at most", 0.5, by="ours"),
        Row("  from another process p50", _between_ms(idle), "ms", None, "", "at most", 5.0, by="ours"),
    ]


def produce(count: int, *, toml: str = "") -> dict[str, Any]:
    """What a fresh node needs for `count` messages."""
    order = {
        "step": "produce",
        "warm_up": {"messages": max(_PRODUCERS, count // 10), "producers": _PRODUCERS},
        "input": {"messages": count, "producers": _PRODUCERS},
    }
    with bench_project(toml=toml) as project:
        return run_inside(project, order)


def bare_sqlite(kind: str, count: int, *, tasks: int = _PRODUCERS) -> dict[str, Any]:
    """What the floor needs for `count` operations."""
    with tempfile.TemporaryDirectory(prefix="motia-bench-bare-") as folder:
        app = str(APPS / "bare_sqlite.py")
        return run_json([sys.executable, app, folder, kind, str(count), str(tasks)])


def _idle_ms(count: int) -> float:
    order = {"step": "enqueue_when_idle", "warm_up": {"messages": 3}, "input": {"messages": count}}
    with bench_project() as project:
        return median(run_inside(project, order)["result"]) / 1e3


def _between_ms(count: int) -> float:
    """From a process that stores messages to the node that runs them."""
    order = {"step": "collect", "ready": True, "input": {"messages": count}}
    with bench_project() as project:
        node = subprocess.Popen(
            [sys.executable, str(HERE / "inside.py"), str(project), json.dumps(order)],
            stdout=subprocess.PIPE,
            text=True,
            env=clean_environment(),
        )
        try:
            assert node.stdout is not None
            while node.stdout.readline().strip() != "ready":
                if node.poll() is not None:
                    raise RuntimeError("the node that should receive messages ended")
            asyncio.run(_send(project, count))
            output, _ = node.communicate(timeout=60)
        finally:
            node.kill()
            node.wait()
    return median(json.loads(output.splitlines()[-1])["result"]) / 1e3


async def _send(project: Path, count: int) -> None:
    """Store one message after another, each into an idle system."""
    settings = load_settings(project, mode="production").settings
    registry = (await discover_project(settings)).registry
    clock = SystemClock()
    ids = Ids(clock, SystemEntropy())
    backend = open_backend(settings, wake_others=True)
    await backend.open()
    try:
        for _ in range(count):
            request = EnqueueRequest({"sent_ns": time.monotonic_ns()}, topic="bench.latency")
            found = fan_out(
                registry,
                request,
                ids,
                TraceContext(ids.trace_id(), "", 0),
                now_ms=clock.now_ms(),
                max_bytes=settings.limits.message_bytes,
            )
            await backend.commit(Batch([Enqueue(message) for message in found.messages]))
            await asyncio.sleep(0.02)
    finally:
        await backend.close()
