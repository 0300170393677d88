"""Workflows: runs of three memoized steps a second, and what each costs."""

from __future__ import annotations

from bench_queue import bare_sqlite
from measure import Effort, Row, median
from processes import bench_project, run_inside

_RUNS = 5_000
_AT_LEAST = 2_000
_ALONE = 200


def run(effort: Effort) -> list[Row]:
    count = effort.count(_RUNS, least=50)
    ours = [runs(count) for _ in range(effort.rounds)]
    # A bare SQLite loop stores and settles a message; a run commits five times.
    bare = [bare_sqlite("queue", count) for _ in range(effort.rounds)]
    rate, bare_rate = (median(count / one["elapsed_s"] for one in turns) for turns in (ours, bare))
    cost_us, bare_us = (median(one["cpu_s"] / count * 1e6 for one in turns) for turns in (ours, bare))
    alone_ms, commit_ms = alone(effort.count(_ALONE, least=3))
    return [
        Row("workflow of 3 steps", cost_us, "µs CPU", bare_us, "bare SQLite message"),
        Row("  runs per second", rate, "/s", bare_rate, "bare SQLite", "at least", _AT_LEAST, by="ours"),
        Row(
            "  alone, enqueue() → third result p50",
            alone_ms,
            "ms",
            commit_ms,
            "4 commits",
            "at most",
            2.0,
            by="ours",
        ),
    ]


def alone(count: int) -> tuple[float, float]:
    """Median time of a run on an idle node, and of the four commits that it waits for, bare."""
    order = {"step": "runs_one_by_one", "warm_up": {"runs": 3}, "input": {"runs": count}}
    with bench_project() as project:
        alone_ms = median(run_inside(project, order)["result"])
    return alone_ms, 4 * bare_sqlite("idle", count, tasks=1)["p50_ms"]


def runs(count: int) -> dict[str, float]:
    """What `count` runs took."""
    order = {"step": "begin_runs", "warm_up": {"runs": max(10, count // 10)}, "input": {"runs": count}}
    with bench_project() as project:
        found: dict[str, float] = run_inside(project, order)
    return found
