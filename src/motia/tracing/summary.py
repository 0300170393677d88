"""How the spans of a trace fold into its summary, and which traces are worth keeping longer. Pure.

A trace is judged by how its work ended, not by the worst of its executions: an attempt that failed and was
tried again is counted and decides nothing, a dead letter that was sent back and done counts no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from motia.tracing.packing import PackedLog
from motia.tracing.record import PARTS, SpanRecord, SpanStatus

SEVERITY: Mapping[str, int] = {
    "ok": 1,
    "refused": 2,
    "cancelled": 3,
    "timeout": 4,
    "error": 5,
    "crashed": 6,
}
STATUS_OF_SEVERITY: tuple[SpanStatus | Literal["running"], ...] = (
    "running",
    "ok",
    "refused",
    "cancelled",
    "timeout",
    "error",
    "crashed",
)
FAILED_SEVERITY = SEVERITY["timeout"]
ORDINARY, SLOW, FAILED = 0, 1, 2
"""Ranks of a trace: how long it is kept compared with others. One that failed and went well in the end ranks
with the slow ones."""
_MOST_DEAD = 100
"""Of a trace with more dead letters, the later ones count for good."""
_DONE = ("completed", "cancelled", "expired")


class Standing(NamedTuple):
    """What must be known of a trace to judge it anew when more of it comes."""

    severity: int = 0
    """The worst end of all but `dead`."""
    rank: int = ORDINARY
    dead: Mapping[str, int] = {}
    """Its dead letters → severity."""


@dataclass(slots=True)
class Delta:
    """What one batch adds to one trace."""

    started_ms: float
    ended_ms: float
    name: str = ""
    kind: str = ""
    rooted: int = -1
    """-1 = only logs so far, 0 = named after some span, 1 = named after its root."""
    ends: int = 0
    """Severity of the worst end of all but `dead`."""
    rank: int = ORDINARY
    dead: dict[str, int] | None = None
    """Dead letters that were not done later → severity."""
    failures: int = 0
    error: str | None = None
    begun: dict[str, float] = field(default_factory=dict)
    """Steps → when their first execution here began."""
    spans: int = 0

    @property
    def steps(self) -> tuple[str, ...]:
        """In the order they began: who hands work on often ends after those who do it."""
        return tuple(sorted(self.begun, key=self.begun.__getitem__))

    @property
    def severity(self) -> int:
        """Of the trace as far as it is known."""
        return max(self.ends, *self.dead.values()) if self.dead else self.ends


def fold(
    spans: Iterable[SpanRecord], logs: Iterable[PackedLog], slow_ms: float, known: Mapping[str, Standing]
) -> dict[str, Delta]:
    """What a batch adds, by trace id, and how those traces stand with it. `known`: how they stood before.
    Lines outside of any trace belong to none."""
    deltas: dict[str, Delta] = {}
    for record in spans:
        ended_ms = record.started_at_ms + record.duration_us / 1000
        delta = deltas.get(record.trace_id)
        if delta is None:
            delta = deltas[record.trace_id] = Delta(record.started_at_ms, ended_ms)
            if record.trace_id in known:
                _stand(delta, known[record.trace_id])
        _add(delta, record, ended_ms, slow_ms)
    for line, _ in logs:
        if line.trace_id and line.trace_id not in deltas:
            delta = deltas[line.trace_id] = Delta(line.at_ms, line.at_ms)
            if line.trace_id in known:
                _stand(delta, known[line.trace_id])
    for delta in deltas.values():
        if delta.failures or delta.rank == FAILED:
            delta.rank = FAILED if delta.severity >= FAILED_SEVERITY else SLOW
    return deltas


def standing_of(delta: Delta) -> Standing:
    """How the trace stands."""
    return Standing(delta.ends, delta.rank, delta.dead or {})


def merge(one: Delta, other: Delta) -> None:
    """Add `other`, which came later and was folded from how `one` stood, to `one`."""
    one.started_ms = min(one.started_ms, other.started_ms)
    one.ended_ms = max(one.ended_ms, other.ended_ms)
    if other.rooted > one.rooted:
        one.name, one.kind, one.rooted = other.name, other.kind, other.rooted
    one.ends, one.dead, one.rank = other.ends, other.dead, other.rank
    one.failures += other.failures
    one.error = one.error or other.error
    one.spans += other.spans
    for step, began_ms in other.begun.items():
        one.begun[step] = min(began_ms, one.begun.get(step, began_ms))


def rank_to_drop(ordinary: int, others: int) -> int:
    """The highest rank that may be dropped now, given how many traces are kept.

    Ordinary traces go first; but those kept longer may not push the ordinary ones out altogether.
    """
    return ORDINARY if ordinary >= others else FAILED


def tried_again(record: SpanRecord) -> bool:
    """Whether it is not the end of its work that this execution failed: its message has another attempt, or
    another attempt took its message away from it."""
    attributes = record.attributes
    return attributes is not None and "message_id" in attributes and attributes.get("verdict") != "dead"


def _stand(delta: Delta, standing: Standing) -> None:
    delta.ends, delta.rank = standing.severity, standing.rank
    delta.dead = {**standing.dead} if standing.dead else None


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
    if record.name not in delta.begun or record.started_at_ms < delta.begun[record.name]:
        delta.begun[record.name] = record.started_at_ms
    if delta.rank < SLOW and record.duration_us >= slow_ms * 1000:
        delta.rank = SLOW
    if delta.dead and record.attributes and "replaces" in record.attributes:
        # It was sent, edited, in place of that letter.
        delta.dead.pop(f"{record.attributes['replaces']} {record.name}", None)
    severity = SEVERITY[record.status]
    if record.error is not None and severity != SEVERITY["cancelled"]:
        delta.error = delta.error or message_of(record.error)
    if severity >= FAILED_SEVERITY:
        delta.failures += 1
        if tried_again(record) or (record.kind == "manual" and record.parent_id is not None):
            return  # a call that failed has a caller, whose own end tells whether that mattered
        if record.attributes and "message_id" in record.attributes and len(delta.dead or ()) < _MOST_DEAD:
            delta.dead = delta.dead or {}
            delta.dead[_letter(record)] = severity
            return
    elif severity == SEVERITY["cancelled"] and (record.attributes or {}).get("verdict") == "released":
        return  # its node drained: the message runs elsewhere
    elif delta.dead and record.attributes and record.attributes.get("verdict") in _DONE:
        delta.dead.pop(_letter(record), None)
    if severity > delta.ends:
        delta.ends = severity


def _letter(record: SpanRecord) -> str:
    attributes = record.attributes or {}
    return f"{attributes.get('message_id')} {record.name}"


def message_of(error: Mapping[str, Any] | None) -> str | None:
    """The message of an error's fields, short enough for a list."""
    if error is None:
        return None
    return str(error.get("message", ""))[:300] or None


def by_time(spans: Sequence[SpanRecord]) -> list[SpanRecord]:
    """Spans in the order they began. A later attempt waits from when the one before it ended: it was recorded
    with the time since its message was sent."""
    ended_ms: dict[str, float] = {}
    ordered = sorted(spans, key=lambda span: span.started_at_ms)
    for at, span in enumerate(ordered):
        if span.attributes is not None and "message_id" in span.attributes:
            before_ms = ended_ms.get(_letter(span))
            if before_ms is not None:
                wait_us = round((span.started_at_ms - before_ms) * 1000)
                ordered[at] = span._replace(queue_wait_us=max(0, min(span.queue_wait_us, wait_us)))
            ended_ms[_letter(span)] = span.started_at_ms + span.duration_us / 1000
    return ordered
