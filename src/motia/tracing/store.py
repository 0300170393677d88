"""What tracing keeps and reads back: the write side is called in the writer's thread, reads on the loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from motia.tracing.activity import EdgeCount, MetricRow, StepCount
from motia.tracing.lone import LoneSpans
from motia.tracing.packing import PackedLog
from motia.tracing.record import Level, LogRecord, SpanRecord, SpanStatus

MAX_SPANS_PER_TRACE = 10_000
"""Of a trace with more, the later spans are counted and not kept."""


class RecordSink(Protocol):
    """Where records go, without secrets. All three methods are called in the writer's thread; `write` may
    block."""

    name: str

    def open(self) -> None: ...

    def write(
        self, spans: Sequence[SpanRecord], logs: Sequence[PackedLog], lone: Sequence[LoneSpans] = ()
    ) -> None:
        """Keep or print the records, all or none; none at all once nothing comes any more, so that what was
        put off is done. Failure: any exception; the writer counts the loss."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceQuery:
    """Which traces to list; a field left None does not matter."""

    status: SpanStatus | Literal["running", "failed", "retried"] | None = None
    """The trace's own, or `failed` = timeout, error or crashed; `retried` = it ended well, though not at the
    first attempt."""
    step: str | None = None
    """Some span is of this step."""
    any_step: tuple[str, ...] | None = None
    """Some span is of one of these steps: how the traces of a flow are found."""
    trace_ids: tuple[str, ...] | None = None
    """It is one of these."""
    kind: str | None = None
    """What began it."""
    text: str | None = None
    """Found, in any case, in the name, the steps, the first error or the id of the trace."""
    since_ms: float | None = None
    """Began then or later."""
    until_ms: float | None = None
    """Began before then."""
    min_us: int | None = None
    max_us: int | None = None
    """Bounds of the time from its begin to the end of its latest span."""
    before: int | None = None
    """`position` of the last trace of the page before."""
    limit: int = 100

    def finds(self, trace: TraceSummary) -> bool:
        """Whether it is one of those, on whatever page."""
        took_us = (trace.ended_at_ms - trace.started_at_ms) * 1000
        return (
            (self.trace_ids is None or trace.trace_id in self.trace_ids)
            and (self.since_ms is None or trace.started_at_ms >= self.since_ms)
            and (self.until_ms is None or trace.started_at_ms < self.until_ms)
            and (self.step is None or self.step in trace.steps)
            and (self.any_step is None or not set(self.any_step).isdisjoint(trace.steps))
            and self.kind in (None, trace.kind)
            and (self.min_us is None or took_us >= self.min_us)
            and (self.max_us is None or took_us <= self.max_us)
            and self._has_status(trace)
            and (self.text is None or self._has_text(trace, self.text.lower()))
        )

    def _has_status(self, trace: TraceSummary) -> bool:
        if self.status == "failed":
            return trace.failed
        if self.status == "retried":
            return trace.retried
        return self.status in (None, trace.status)

    def _has_text(self, trace: TraceSummary, text: str) -> bool:
        parts = (trace.name, *trace.steps, trace.error or "", trace.trace_id)
        return any(text in part.lower() for part in parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceSummary:
    """One trace in a list."""

    trace_id: str
    name: str
    """Step that the trace began with; empty until its span has ended."""
    kind: str
    status: SpanStatus | Literal["running"]
    """The worst end of its work. Attempts that failed and were tried again are no end, nor are dead letters
    that were sent back and done, nor calls by another step: their caller's end tells. `running` = nothing
    ended yet."""
    started_at_ms: float
    ended_at_ms: float
    """Of the latest span so far."""
    spans: int
    """All that ended, also those beyond `MAX_SPANS_PER_TRACE`."""
    failures: int
    """Executions that failed, also those that were tried again: more than 0 in a trace that ended well means
    that it was retried."""
    steps: tuple[str, ...]
    error: str | None
    """Message of the first error."""
    position: int
    """Grows with every new trace; only its order means something."""

    @property
    def failed(self) -> bool:
        """Whether its work ended badly."""
        return self.status in ("timeout", "error", "crashed")

    @property
    def retried(self) -> bool:
        """Whether it ended well, though not at the first attempt."""
        return self.failures > 0 and self.status in ("ok", "refused", "cancelled")


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
    any_step: tuple[str, ...] | None = None
    trace_id: str | None = None
    text: str | None = None
    """Found, in any case, in the message or the data."""
    since_ms: float | None = None
    until_ms: float | None = None
    after: int | None = None
    """Only lines after this position, the oldest first: how a tail is followed. None = the newest lines."""
    before: int | None = None
    """Only lines before this position: how one reads back."""
    limit: int = 100


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A line and its position; positions only grow and are never used twice."""

    position: int
    record: LogRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchNote:
    """What one written batch touched."""

    traces: Sequence[int]
    """Positions of the traces that are new or changed."""
    steps: Mapping[str, tuple[int, int]]
    """Runs, and failures that were not tried again."""
    edges: Sequence[tuple[str, str, str, int, int]]
    """source, topic, target, runs, failures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """What was written after a position, by any node."""

    position: int
    notes: Sequence[BatchNote] = ()
    lost: bool = False
    """What came after the position is no longer known: read everything again."""


class DepthSample(NamedTuple):
    """A queue at one moment: messages that wait or run, and how long the oldest has waited."""

    at_s: int
    topic: str
    step: str
    depth: int
    age_ms: int


class TraceStore(Protocol):
    """Reads of traces and logs. Answers from what the writer has kept: up to 100 ms behind."""

    async def traces(self, query: TraceQuery) -> list[TraceSummary]:
        """Summaries, the newest trace first."""
        ...

    async def trace(self, trace_id: str) -> Trace | None:
        """One trace, or None when it is unknown or its time is over."""
        ...

    async def failures(self, query: TraceQuery) -> list[SpanRecord]:
        """The spans that failed, also those tried again, of the traces that the query finds and that have
        one, those of the newest trace first."""
        ...

    async def logs(self, query: LogQuery) -> list[LogEntry]:
        """Lines in the order they were kept; without `after`, the newest `limit` of them."""
        ...

    async def traces_at(self, positions: Sequence[int]) -> list[TraceSummary]:
        """The summaries of these positions that are still kept, the newest first."""
        ...

    async def feed(self, after: int | None, *, limit: int = 200) -> Feed:
        """What the next `limit` batches after a position touched; None = only where the feed stands now."""
        ...

    async def metrics(
        self, since_s: int, *, until_s: int | None = None, step: str | None = None
    ) -> list[MetricRow]:
        """Counts of runs, durations and waits in buckets of 10 s, 5 minutes or an hour, by age."""
        ...

    async def totals(self) -> list[MetricRow]:
        """The same counts over all time, also of what is no longer kept one by one."""
        ...

    async def edges(self, since_ms: float) -> list[EdgeCount]:
        """Ways between steps that were taken since then, to the hour."""
        ...

    async def runs(self, since_ms: float) -> list[StepCount]:
        """Runs of steps since then, to the hour."""
        ...

    async def add_depths(self, samples: Sequence[DepthSample]) -> None:
        """Keep samples of queues, for a day; of several at one moment the deepest and the oldest."""
        ...

    async def depths(self, since_s: int) -> list[DepthSample]:
        """Samples of queues since then."""
        ...

    async def aclose(self) -> None:
        """Release what reading holds. Safe twice."""
        ...
