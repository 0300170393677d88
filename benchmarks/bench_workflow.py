"""Workflows: runs of three memoized steps a second, and what each costs."""

from __future__ import annotations

from bench_queue import bare_sqlite
from measure import Effort, Row, median
from processes import bench_project, run_inside

_RUNS = 5_000
_AT_LEAST = 2_000


def run(effort: Effort) -> list[Row]:
    count = effort.count(_RUNS, least=50)
    ours = [_runs(count) for _ in range(effort.rounds)]
    # A bare SQLite loop stores and settles a message; a run commits five times.
    bare = [bare_sqlite("queue", count) for _ in range(effort.rounds)]
    rate, bare_rate = (median(count / one["elapsed_s"] for one in runs) for runs in (ours, bare))
    cost_us, bare_us = (median(one["cpu_s"] / count * 1e6 for one in runs) for runs in (ours, bare))
    return [
        Row("workflow of 3 steps", cost_us, "µs CPU", bare_us, "bare SQLite message"),
        Row("  runs per second", rate, "/s", bare_rate, "bare SQLite", "at least", _AT_LEAST, by="ours"),
    ]


def _runs(count: int) -> dict[str, float]:
    order = {"step": "begin_runs", "warm_up": {"runs": max(10, count // 10)}, "input": {"runs": count}}
    with bench_project() as project:
        found: dict[str, float] = run_inside(project, order)
    return found
