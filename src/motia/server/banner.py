"""What the person at the terminal is told of a project that has loaded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from motia.core.registry import Registry
from motia.core.wording import counted
from motia.engine.schedules import Schedule
from motia.errors import MotiaError


def banner(
    registry: Registry,
    schedules: Sequence[Schedule],
    problems: Sequence[MotiaError],
    notices: Sequence[object],
    *,
    now_ms: int,
) -> dict[str, Any]:
    """`lines` to read, `steps` (how many), `problems`, `notices` and `routes`. JSON-able."""
    rows = [
        (trigger.method, trigger.path, step)
        for step in registry.steps.values()
        for trigger in step.triggers
        if trigger.kind == "http"
    ]
    path_width = max((len(path) for _, path, _ in rows), default=0)
    lines = [f"{counted(len(registry.steps), 'step')}, {len(problems)} broken"]
    lines += [f"  {method:<7}{path:<{path_width}}  {step.name}  {step.source}" for method, path, step in rows]
    lines += [
        f"  cron   {schedule.trigger.expression}  {schedule.step.name}"
        f"  next {_utc(schedule.expression.next_after(now_ms))}"
        for schedule in schedules
    ]
    if not registry.steps and not problems:
        lines.append(
            "  hint: put one into steps/, named like hello_step.py; --dir names another project's folder"
        )
    return {
        "lines": lines,
        "steps": len(registry.steps),
        "routes": [{"method": method, "path": path, "step": step.name} for method, path, step in rows],
        "problems": [f"error: {problem}" for problem in problems],
        "notices": [f"warning: {notice}" for notice in notices],
    }


def _utc(at_ms: int | None) -> str:
    if at_ms is None:
        return "never"
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
