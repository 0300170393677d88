"""How the spans of a trace fold into its summary, and which traces are worth keeping longer. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from motia.tracing.packing import PackedLog
from motia.tracing.record import PARTS, SpanRecord

SEVERITY: Mapping[str, int] = {"ok": 1, "cancelled": 2, "timeout": 3, "error": 4, "crashed": 5}
STATUS_OF_SEVERITY = ("running", *SEVERITY)
FAILED_SEVERITY = SEVERITY["timeout"]
ORDINARY, SLOW, FAILED = 0, 1, 2
"""Ranks of a trace: how long it is kept compared with others."""


@dataclass(slots=True)
class Delta:
    """What one batch adds to one trace."""

    started_ms: float
    ended_ms: float
    name: str = ""
    kind: str = ""
    rooted: int = -1
    """-1 = only logs so far, 0 = named after some span, 1 = named after its root."""
    severity: int = 0
    rank: int = ORDINARY
    failures: int = 0
    error: str | None = None
    steps: tuple[str, ...] = ()
    spans: int = 0


def fold(spans: Iterable[SpanRecord], logs: Iterable[PackedLog], slow_ms: float) -> dict[str, Delta]:
    """What a batch adds, by trace id. Lines outside of any trace belong to none."""
    deltas: dict[str, Delta] = {}
    for record in spans:
        ended_ms = record.started_at_ms + record.duration_us / 1000
        delta = deltas.get(record.trace_id)
        if delta is None:
            delta = deltas[record.trace_id] = Delta(record.started_at_ms, ended_ms)
        _add(delta, record, ended_ms, slow_ms)
    for line, _ in logs:
        if line.trace_id and line.trace_id not in deltas:
            deltas[line.trace_id] = Delta(line.at_ms, line.at_ms)
    return deltas


def merge(one: Delta, other: Delta) -> None:
    """Add `other`, which came later, to `one`."""
    one.started_ms = min(one.started_ms, other.started_ms)
    one.ended_ms = max(one.ended_ms, other.ended_ms)
    if other.rooted > one.rooted:
        one.name, one.kind, one.rooted = other.name, other.kind, other.rooted
    one.severity = max(one.severity, other.severity)
    one.rank = max(one.rank, other.rank)
    one.failures += other.failures
    one.error = one.error or other.error
    one.spans += other.spans
    one.steps += tuple(step for step in other.steps if step not in one.steps)


def rank_to_drop(ordinary: int, others: int) -> int:
    """The highest rank that may be dropped now, given how many traces are kept.

    Ordinary traces go first; but those kept longer may not push the ordinary ones out altogether.
    """
    return ORDINARY if ordinary >= others else FAILED


def _add(delta: Delta, record: SpanRecord, ended_ms: float, slow_ms: float) -> None:
    delta.spans += 1
    if record.started_at_ms < delta.started_ms:
        delta.started_ms = record.started_at_ms
    if ended_ms > delta.ended_ms:
        delta.ended_ms = ended_ms
    if record.kind in PARTS:
        return  # whether what failed in it matters, its execution says
    rooted = 1 if record.parent_id is None else 0
    if rooted > delta.rooted:
        delta.name, delta.kind, delta.rooted = record.name, record.kind, rooted
    if record.name not in delta.steps:
        delta.steps += (record.name,)
    if delta.rank < SLOW and record.duration_us >= slow_ms * 1000:
        delta.rank = SLOW
    severity = SEVERITY[record.status]
    if severity > delta.severity:
        delta.severity = severity
    if severity >= FAILED_SEVERITY:
        delta.rank = FAILED
        delta.failures += 1
        delta.error = delta.error or message_of(record.error)


def message_of(error: Mapping[str, Any] | None) -> str | None:
    """The message of an error's fields, short enough for a list."""
    if error is None:
        return None
    return str(error.get("message", ""))[:300] or None


def by_time(spans: Sequence[SpanRecord]) -> list[SpanRecord]:
    """Spans in the order they began."""
    return sorted(spans, key=lambda span: span.started_at_ms)
