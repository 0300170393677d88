"""What tracing keeps and reads back: the write side is called in the writer's thread, reads on the loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from motia.tracing.packing import PackedLog, PackedSpan
from motia.tracing.record import Level, LogRecord, SpanRecord, SpanStatus

MAX_SPANS_PER_TRACE = 10_000
"""Of a trace with more, the later spans are counted and not kept."""


class RecordSink(Protocol):
    """Where packed records go. All three methods are called in the writer's thread; `write` may block."""

    name: str

    def open(self) -> None: ...

    def write(self, spans: Sequence[PackedSpan], logs: Sequence[PackedLog]) -> None:
        """Keep or print the records, all or none. Failure: any exception; the writer counts the loss."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceQuery:
    """Which traces to list; a field left None does not matter."""

    status: SpanStatus | Literal["running", "failed"] | None = None
    """The worst of the trace's spans. `failed` = timeout, error or crashed; `running` = no span ended yet."""
    step: str | None = None
    """Some span is of this step."""
    text: str | None = None
    """Found, in any case, in the name, the steps, the first error or the id of the trace."""
    since_ms: float | None = None
    """Began then or later."""
    before: int | None = None
    """`position` of the last trace of the page before."""
    limit: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceSummary:
    """One trace in a list."""

    trace_id: str
    name: str
    """Step that the trace began with; empty until its span has ended."""
    kind: str
    status: SpanStatus | Literal["running"]
    started_at_ms: float
    ended_at_ms: float
    """Of the latest span so far."""
    spans: int
    """All that ended, also those beyond `MAX_SPANS_PER_TRACE`."""
    failures: int
    steps: tuple[str, ...]
    error: str | None
    """Message of the first error."""
    position: int
    """Grows with every new trace; only its order means something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One trace with everything kept of it, in the order of time."""

    summary: TraceSummary
    spans: Sequence[SpanRecord]
    logs: Sequence[LogRecord]

    @property
    def left_out(self) -> int:
        """Spans that ended and were not kept."""
        return max(0, self.summary.spans - len(self.spans))


@dataclass(frozen=True, slots=True, kw_only=True)
class LogQuery:
    """Which lines to list; a field left None does not matter."""

    level: Level | None = None
    """This level or worse."""
    step: str | None = None
    trace_id: str | None = None
    text: str | None = None
    """Found, in any case, in the message or the data."""
    since_ms: float | None = None
    after: int | None = None
    """Only lines after this position, the oldest first: how a tail is followed. None = the newest lines."""
    limit: int = 100


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A line and its position; positions only grow and are never used twice."""

    position: int
    record: LogRecord


class TraceStore(Protocol):
    """Reads of traces and logs. Answers from what the writer has kept: up to 50 ms behind."""

    async def traces(self, query: TraceQuery) -> list[TraceSummary]:
        """Summaries, the newest trace first."""
        ...

    async def trace(self, trace_id: str) -> Trace | None:
        """One trace, or None when it is unknown or its time is over."""
        ...

    async def logs(self, query: LogQuery) -> list[LogEntry]:
        """Lines in the order they were kept; without `after`, the newest `limit` of them."""
        ...

    async def aclose(self) -> None:
        """Release what reading holds. Safe twice."""
        ...
