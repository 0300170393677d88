"""State: CPU of a durable set and increment with 64 tasks, and of a get."""

from __future__ import annotations

from typing import Any

from bench_queue import bare_sqlite
from measure import Effort, Row, median
from processes import bench_project, run_inside

_COUNT = 50_000
_TASKS = 64


def run(effort: Effort) -> list[Row]:
    count = effort.count(_COUNT, least=_TASKS)
    names = ("set_state", "increment_state", "get_state")
    ours: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    bare: list[dict[str, Any]] = []
    for _ in range(effort.rounds):
        for name in names:
            ours[name].append(_measured(name, count))
        bare.append(bare_sqlite("state", count))
    bare_us = _cpu_us(bare, count)
    rate, bare_rate = (median(count / one["elapsed_s"] for one in runs) for runs in (ours["set_state"], bare))
    return [
        Row("state.set, 64 tasks", _cpu_us(ours["set_state"], count), "µs CPU", bare_us, "bare SQLite"),
        Row("  sets per second", rate, "/s", bare_rate, "bare SQLite"),
        Row("state.increment, 64 tasks", _cpu_us(ours["increment_state"], count), "µs CPU"),
        Row("state.get", _cpu_us(ours["get_state"], count), "µs CPU"),
    ]


def _measured(step: str, count: int) -> dict[str, Any]:
    size = {"count": count, "tasks": _TASKS}
    with bench_project() as project:
        return run_inside(project, {"step": step, "warm_up": {**size, "count": 1000}, "input": size})


def _cpu_us(runs: list[dict[str, Any]], count: int) -> float:
    return median(one["cpu_s"] / count * 1e6 for one in runs)
