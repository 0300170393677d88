"""What runs at this moment, on all nodes."""

from __future__ import annotations

from typing import Any

from motia.backends.liveness import Running
from motia.core.registry import Registry
from motia.engine.engine import Engine


def running_documents(engine: Engine) -> list[dict[str, Any]]:
    """The executions of all nodes, the longest running first; of other nodes as of 0.1 s ago."""
    now_ms, now_s = engine.clock.now_ms(), engine.clock.monotonic_s()
    here = [
        {
            "step": execution.invocation.step.name,
            "kind": execution.invocation.occurrence.kind,
            "attempt": execution.invocation.attempt,
            "trace_id": execution.invocation.trace.trace_id,
            "span_id": execution.invocation.trace.span_id,
            "started_ms": now_ms - round((now_s - execution.started_s) * 1000),
        }
        for execution in engine.deadlines.running
    ]
    elsewhere = [
        {
            "step": one.step,
            "kind": _kind_of(engine.registry, one),
            "attempt": one.attempt,
            "trace_id": one.trace.trace_id,
            "span_id": one.trace.span_id,
            "started_ms": one.started_ms,
        }
        for one in engine.liveness.elsewhere()
    ]
    return sorted(here + elsewhere, key=lambda run: run["started_ms"])


def _kind_of(registry: Registry, running: Running) -> str:
    """What began an execution of another node, as far as the step's triggers tell."""
    step = registry.steps.get(running.step)
    kinds = {trigger.kind for trigger in step.triggers} if step is not None else set()
    if not running.of_message:
        return "http" if "http" in kinds else "manual"
    kinds.discard("http")
    return kinds.pop() if len(kinds) == 1 else "queue"
