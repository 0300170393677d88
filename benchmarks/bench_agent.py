"""Agents: what it costs that a run of two answers and one tool is kept, with a model that costs nothing."""

from __future__ import annotations

import sys

from bench_workflow import runs as workflow_runs
from measure import Effort, Row, median
from processes import APPS, bench_project, run_inside, run_json

_RUNS = 1_000


def run(effort: Effort) -> list[Row]:
    count = effort.count(_RUNS, least=20)
    ours, bare, workflows = [], [], []
    for _ in range(effort.rounds):
        # In turns: what disturbs the machine disturbs all of them.
        ours.append(_agent_cpu_s(count))
        bare.append(run_json([sys.executable, str(APPS / "bare_agent.py"), str(count)])["cpu_s"])
        workflows.append(workflow_runs(count)["cpu_s"])
    ours_us, bare_us, workflow_us = (median(cpu_s) / count * 1e6 for cpu_s in (ours, bare, workflows))
    return [
        Row("agent, 2 answers and a tool", ours_us, "µs CPU", bare_us, "bare pydantic-ai agent"),
        Row("  a workflow of 3 steps beside", workflow_us, "µs CPU", bare_us, "bare pydantic-ai agent"),
    ]


def _agent_cpu_s(count: int) -> float:
    order = {"step": "begin_runs", "warm_up": {"runs": max(10, count // 10)}, "input": {"runs": count}}
    with bench_project("agent_bench") as project:
        cpu_s: float = run_inside(project, order)["cpu_s"]
    return cpu_s
