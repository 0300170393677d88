"""Sleeping runs and scheduled messages: what they hold of a node's memory, how punctually they wake."""

from __future__ import annotations

import sys
import time

from measure import Effort, Row
from processes import HERE, bench_project, run_json

_RUNS = 100_000
_SPREAD_S = 100.0
_PUT_PER_S = 400
_STORED_PER_S = 2_000
"""A slow machine's pace of putting runs to sleep, and of storing messages: the first must not wake before the
last sleeps."""


def run(effort: Effort) -> list[Row]:
    runs = effort.count(_RUNS, least=100)
    return [
        *_rows("runs", f"{runs:,} sleeping runs", runs, _PUT_PER_S),
        *_rows("messages", f"{runs:,} scheduled messages", runs, _STORED_PER_S),
    ]


def _rows(kind: str, what: str, runs: int, per_s: int) -> list[Row]:
    spread_s = max(1.0, _SPREAD_S * runs / _RUNS)
    first_s = time.time() + 20 + runs / per_s
    with bench_project() as project:
        program = [sys.executable, str(HERE / "inside_sleepers.py"), str(project)]
        plan = [kind, str(runs), str(first_s), str(spread_s)]
        empty = run_json([*program, "put", *plan])
        woken = run_json([*program, "wake", *plan])
    more_mb = (woken["asleep_bytes"] - empty["empty_bytes"]) / 1e6
    awake_mb = (woken["awake_bytes"] - empty["empty_bytes"]) / 1e6
    return [
        Row(what, more_mb, "MB RSS", judge="at most", target=50.0, by="ours"),
        Row("  and while they wake", awake_mb, "MB RSS"),
        Row("  late by, p50", woken["late_p50_s"] * 1e3, "ms"),
        Row("  late by, p99", woken["late_p99_s"] * 1e3, "ms", judge="at most", target=1000.0, by="ours"),
        Row("  waking one", woken["cpu_us"], "µs CPU"),
    ]
