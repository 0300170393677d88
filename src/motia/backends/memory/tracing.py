"""Traces and logs in memory, under the same byte budget and the same rules of retention as on disk."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from motia.backends.memory.tracing_activity import MemoryActivity
from motia.tracing.activity import EdgeCount, MetricRow, StepCount
from motia.tracing.lone import LoneSpans, records_of
from motia.tracing.packing import PackedLog, pack_span, unpack_log, unpack_span
from motia.tracing.record import LEVELS, LogRecord, SpanRecord
from motia.tracing.store import (
    MAX_SPANS_PER_TRACE,
    DepthSample,
    Feed,
    LogEntry,
    LogQuery,
    Trace,
    TraceQuery,
    TraceSummary,
)
from motia.tracing.summary import (
    FAILED_SEVERITY,
    ORDINARY,
    STATUS_OF_SEVERITY,
    Delta,
    by_time,
    fold,
    merge,
    rank_to_drop,
    standing_of,
)

_ROW_BYTES = 64
"""What a row costs beside its text."""


@dataclass(slots=True)
class _Line:
    position: int
    level: int
    step: str
    trace_id: str
    at_ms: float
    data: bytes


@dataclass(slots=True)
class _Kept:
    position: int
    delta: Delta
    spans: list[bytes] = field(default_factory=list)
    lines: list[_Line] = field(default_factory=list)
    size_bytes: int = 0


class MemoryTraces:
    """Both `RecordSink` and `TraceStore`; the writer's thread and the loop may use it at once."""

    name = "trace store"

    def __init__(self, *, max_bytes: int = 64 * 1024 * 1024, slow_ms: float = 1000.0) -> None:
        self._max_bytes = max_bytes
        self._slow_ms = slow_ms
        self._lock = threading.Lock()
        self._ranks: tuple[OrderedDict[str, _Kept], ...] = (OrderedDict(), OrderedDict(), OrderedDict())
        self._outside: deque[_Line] = deque()
        """Lines outside of any trace."""
        self._outside_bytes = 0
        self._size_bytes = 0
        self._traces_seen = 0
        self._lines_seen = 0
        self._activity = MemoryActivity()

    def open(self) -> None:
        """Nothing to open."""

    def write(
        self, spans: Sequence[SpanRecord], logs: Sequence[PackedLog], lone: Sequence[LoneSpans] = ()
    ) -> None:
        spans = [*records_of(lone), *spans]
        with self._lock:
            touched = {record.trace_id for record in spans} | {line.trace_id for line, _ in logs}
            known = {one: standing_of(kept.delta) for one in touched if (kept := self._find(one))}
            deltas = fold(spans, logs, self._slow_ms, known)
            positions = [self._merge(trace_id, delta) for trace_id, delta in deltas.items()]
            self._activity.add(spans, positions)
            for record in spans:
                kept = self._find(record.trace_id)
                if kept is not None and len(kept.spans) < MAX_SPANS_PER_TRACE:
                    data = pack_span(record)
                    kept.spans.append(data)
                    kept.size_bytes += len(data) + _ROW_BYTES
                    self._size_bytes += len(data) + _ROW_BYTES
            for line, data in logs:
                self._keep_line(line, data)
            if self._size_bytes > self._max_bytes:
                self._trim(self._max_bytes * 9 // 10)

    def close(self) -> None:
        """Nothing to close; what was kept can still be read."""

    async def aclose(self) -> None:
        """Nothing to release."""

    async def traces(self, query: TraceQuery) -> list[TraceSummary]:
        with self._lock:
            kept = [(trace_id, kept) for rank in self._ranks for trace_id, kept in rank.items()]
            kept.sort(key=lambda item: item[1].position, reverse=True)
            found: list[TraceSummary] = []
            for trace_id, trace in kept:
                if len(found) >= query.limit:
                    break
                if query.before is not None and trace.position >= query.before:
                    continue
                summary = _summary(trace_id, trace)
                if query.finds(summary):
                    found.append(summary)
            return found

    async def trace(self, trace_id: str) -> Trace | None:
        with self._lock:
            kept = self._find(trace_id)
            if kept is None:
                return None
            summary = _summary(trace_id, kept)
            rows = list(kept.spans)
            lines = [line.data for line in kept.lines]
        return Trace(
            summary=summary,
            spans=by_time([unpack_span(trace_id, row) for row in rows]),
            logs=[unpack_log(trace_id, row) for row in lines],
        )

    async def failures(self, query: TraceQuery) -> list[SpanRecord]:
        failed = STATUS_OF_SEVERITY[FAILED_SEVERITY:]
        found = await self.traces(replace(query, limit=max(query.limit, self._traces_seen)))
        with_failures = [summary for summary in found if summary.failures][: query.limit]
        traces = [await self.trace(summary.trace_id) for summary in with_failures]
        return [span for trace in traces if trace for span in trace.spans if span.status in failed]

    async def logs(self, query: LogQuery) -> list[LogEntry]:
        lowest = LEVELS[query.level] if query.level else 0
        text = query.text.lower().encode() if query.text else None
        with self._lock:
            lines = [
                *self._outside,
                *(line for rank in self._ranks for kept in rank.values() for line in kept.lines),
            ]
            lines.sort(key=lambda line: line.position, reverse=query.after is None)
            found: list[_Line] = []
            for line in lines:
                if len(found) >= query.limit:
                    break
                if (
                    line.level >= lowest
                    and (query.after is None or line.position > query.after)
                    and (query.before is None or line.position < query.before)
                    and (query.step is None or line.step == query.step)
                    and (query.any_step is None or line.step in query.any_step)
                    and (query.trace_id is None or line.trace_id == query.trace_id)
                    and (query.since_ms is None or line.at_ms >= query.since_ms)
                    and (query.until_ms is None or line.at_ms < query.until_ms)
                    and (text is None or text in line.data.lower())
                ):
                    found.append(line)
        if query.after is None:
            found.reverse()
        return [LogEntry(line.position, unpack_log(line.trace_id, line.data)) for line in found]

    async def traces_at(self, positions: Sequence[int]) -> list[TraceSummary]:
        wanted = set(positions)
        with self._lock:
            found = [
                _summary(trace_id, kept)
                for rank in self._ranks
                for trace_id, kept in rank.items()
                if kept.position in wanted
            ]
        return sorted(found, key=lambda summary: -summary.position)

    async def feed(self, after: int | None, *, limit: int = 200) -> Feed:
        with self._lock:
            return self._activity.feed(after, limit)

    async def metrics(
        self, since_s: int, *, until_s: int | None = None, step: str | None = None
    ) -> list[MetricRow]:
        with self._lock:
            return self._activity.metrics(since_s, until_s, step)

    async def totals(self) -> list[MetricRow]:
        with self._lock:
            return self._activity.metrics(0, None, None)

    async def edges(self, since_ms: float) -> list[EdgeCount]:
        with self._lock:
            return self._activity.edges(since_ms)

    async def runs(self, since_ms: float) -> list[StepCount]:
        with self._lock:
            return self._activity.runs(since_ms)

    async def add_depths(self, samples: Sequence[DepthSample]) -> None:
        with self._lock:
            self._activity.add_depths(samples)

    async def depths(self, since_s: int) -> list[DepthSample]:
        with self._lock:
            return self._activity.depths(since_s)

    def _find(self, trace_id: str) -> _Kept | None:
        return next((rank[trace_id] for rank in self._ranks if trace_id in rank), None)

    def _merge(self, trace_id: str, delta: Delta) -> int:
        kept = self._find(trace_id)
        if kept is None:
            self._traces_seen += 1
            self._ranks[delta.rank][trace_id] = _Kept(self._traces_seen, delta)
            return self._traces_seen
        before = kept.delta.rank
        merge(kept.delta, delta)
        if kept.delta.rank != before:
            del self._ranks[before][trace_id]
            self._ranks[kept.delta.rank][trace_id] = kept
        return kept.position

    def _keep_line(self, record: LogRecord, data: bytes) -> None:
        self._lines_seen += 1
        line = _Line(self._lines_seen, LEVELS[record.level], record.step, record.trace_id, record.at_ms, data)
        size_bytes = len(data) + _ROW_BYTES
        self._size_bytes += size_bytes
        kept = self._find(record.trace_id) if record.trace_id else None
        if kept is None:
            self._outside.append(line)
            self._outside_bytes += size_bytes
        else:
            kept.lines.append(line)
            kept.size_bytes += size_bytes

    def _trim(self, target_bytes: int) -> None:
        while self._size_bytes > target_bytes:
            ordinary = len(self._ranks[ORDINARY])
            highest = rank_to_drop(ordinary, sum(map(len, self._ranks)) - ordinary)
            ranks = self._ranks[:1] if highest == ORDINARY else self._ranks[1:]
            rank = next((rank for rank in ranks if rank), None)
            if rank is None or self._outside_bytes > self._max_bytes // 2:
                self._drop_outside()
                continue
            _, kept = rank.popitem(last=False)
            self._size_bytes -= kept.size_bytes
            while self._outside and self._outside[0].at_ms <= kept.delta.started_ms:
                self._drop_outside()

    def _drop_outside(self) -> None:
        size_bytes = len(self._outside.popleft().data) + _ROW_BYTES
        self._outside_bytes -= size_bytes
        self._size_bytes -= size_bytes


def _summary(trace_id: str, kept: _Kept) -> TraceSummary:
    delta = kept.delta
    return TraceSummary(
        trace_id=trace_id,
        name=delta.name,
        kind=delta.kind,
        status=STATUS_OF_SEVERITY[delta.severity],
        started_at_ms=delta.started_ms,
        ended_at_ms=delta.ended_ms,
        spans=delta.spans,
        failures=delta.failures,
        steps=delta.steps,
        error=delta.error,
        position=kept.position,
    )
