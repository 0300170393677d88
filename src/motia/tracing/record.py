"""The compact records of tracing: one per execution, one per log line, one per event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

SpanKind = Literal["http", "queue", "cron", "state", "stream", "at", "manual", "model", "tool"]
PARTS = frozenset({"model", "tool"})
"""Kinds of spans that are no executions of steps: what a handler did, below its own span."""
SpanStatus = Literal["ok", "refused", "cancelled", "timeout", "error", "crashed"]
"""`refused`: a request that was answered with 4xx. The rest of the failures begins with `timeout`."""
Level = Literal["debug", "info", "warning", "error", "critical"]

LEVELS: dict[str, int] = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}


class Identifiers(dict[str, Any]):
    """Attributes that are ids, names and numbers alone: no value of a caller, so nothing to redact."""


class SpanRecord(NamedTuple):
    """One execution that has ended."""

    trace_id: str
    span_id: str
    parent_id: str | None
    """None for the entry of a trace."""
    name: str
    """Name of the step."""
    kind: SpanKind
    started_at_ms: float
    duration_us: int
    queue_wait_us: int = 0
    """From being sent to being started, earlier attempts included; 0 where nothing waits."""
    attempt: int = 1
    status: SpanStatus = "ok"
    error: Mapping[str, Any] | None = None
    """code, type, message, stack."""
    attributes: Mapping[str, Any] | None = None
    """Not changed after recording. `bytes` values are JSON texts."""


class LogRecord(NamedTuple):
    """One line that a step, or the framework (`step` "motia"), logged."""

    trace_id: str
    """Empty outside of any trace; so is `span_id`."""
    span_id: str
    step: str
    at_ms: float
    level: Level
    message: str
    data: bytes | None = None
    """JSON text, taken when the line was logged."""


class Event(NamedTuple):
    """Something that happened inside the framework; `tracing/catalogue.py` lists the names."""

    name: str
    fields: Mapping[str, Any]


Record = SpanRecord | LogRecord | Event
