"""The reads of `trace.db`, in a thread of their own; also for commands that run beside the nodes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import apsw

from motia.backends.sqlite import lone_traces
from motia.backends.sqlite.connection import connect, has_moved, let_go, translated
from motia.backends.sqlite.tracing import STEP_SEPARATOR
from motia.backends.sqlite.tracing_activity import (
    read_depths,
    read_edges,
    read_feed,
    read_metrics,
    read_runs,
    read_totals,
    write_depths,
)
from motia.tracing.activity import EdgeCount, MetricRow, StepCount
from motia.tracing.packing import unpack_log, unpack_span, unpack_spans
from motia.tracing.record import LEVELS, SpanRecord
from motia.tracing.store import DepthSample, Feed, LogEntry, LogQuery, Trace, TraceQuery, TraceSummary
from motia.tracing.summary import FAILED, FAILED_SEVERITY, STATUS_OF_SEVERITY, by_time

T = TypeVar("T")
_MAYBE_ID = re.compile(r"[0-9a-fA-F]{1,32}")
_LIKE_MARKS = re.compile(r"[%_!]")
_STATUS_AT = SpanRecord._fields.index("status") - 1
"""Where a row of a span has its status: rows leave out the trace."""
_SUMMARY = "id, trace_id, name, kind, severity, started_ms, ended_ms, spans, failures, steps, error"


class SqliteTraceStore:
    """`TraceStore` over `trace.db`. A file that was never made holds nothing.

    Failure: `BackendError` where the file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread: ThreadPoolExecutor | None = None
        self._connection: apsw.Connection | None = None

    async def traces(self, query: TraceQuery) -> list[TraceSummary]:
        return await self._read(lambda connection: _traces(connection, query), [])

    async def trace(self, trace_id: str) -> Trace | None:
        return await self._read(lambda connection: _trace(connection, trace_id), None)

    async def failures(self, query: TraceQuery) -> list[SpanRecord]:
        return await self._read(lambda connection: _failures(connection, query), [])

    async def logs(self, query: LogQuery) -> list[LogEntry]:
        return await self._read(lambda connection: _logs(connection, query), [])

    async def traces_at(self, positions: Sequence[int]) -> list[TraceSummary]:
        return await self._read(lambda connection: _traces_at(connection, positions), [])

    async def feed(self, after: int | None, *, limit: int = 200) -> Feed:
        return await self._read(
            lambda connection: read_feed(connection, after, limit), Feed(position=0, lost=bool(after))
        )

    async def metrics(
        self, since_s: int, *, until_s: int | None = None, step: str | None = None
    ) -> list[MetricRow]:
        return await self._read(lambda connection: read_metrics(connection, since_s, until_s, step), [])

    async def totals(self) -> list[MetricRow]:
        return await self._read(read_totals, [])

    async def edges(self, since_ms: float) -> list[EdgeCount]:
        return await self._read(lambda connection: read_edges(connection, since_ms), [])

    async def runs(self, since_ms: float) -> list[StepCount]:
        return await self._read(lambda connection: read_runs(connection, since_ms), [])

    async def add_depths(self, samples: Sequence[DepthSample]) -> None:
        await self._in_thread(self._write_depths, samples)

    async def depths(self, since_s: int) -> list[DepthSample]:
        return await self._read(lambda connection: read_depths(connection, since_s), [])

    async def aclose(self) -> None:
        thread, self._thread = self._thread, None
        if thread is not None:
            await asyncio.get_running_loop().run_in_executor(thread, self._close)
            thread.shutdown(wait=True)

    async def _read(self, read: Callable[[apsw.Connection], T], nothing: T) -> T:
        return await self._in_thread(self._run, read, nothing)

    async def _in_thread(self, work: Callable[..., T], *arguments: Any) -> T:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="motia-trace-reader")
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    def _run(self, read: Callable[[apsw.Connection], T], nothing: T) -> T:
        try:
            if self._connection is not None and has_moved(self._connection):
                self._close()
            if self._connection is None:
                if not self._path.exists():
                    return nothing
                connection = connect(self._path, write=False)
                if not connection.execute("PRAGMA user_version").get:
                    connection.close()
                    return nothing
                self._connection = connection
            with self._connection:  # one snapshot for all reads of an answer
                answer = read(self._connection)
        except apsw.Error as error:
            raise translated(error, self._path) from error
        return answer

    def _write_depths(self, samples: Sequence[DepthSample]) -> None:
        if not self._path.exists():
            return
        connection = connect(self._path, write=True)
        try:
            with connection:
                write_depths(connection, samples)
        except apsw.Error as error:
            raise translated(error, self._path) from error
        finally:
            connection.close()

    def _close(self) -> None:
        if self._connection is not None:
            let_go(self._connection)
            self._connection = None


def _traces(connection: apsw.Connection, query: TraceQuery) -> list[TraceSummary]:
    found = [_summary(row) for row in connection.execute(*_select(_SUMMARY, query))]
    return _newest_first([*found, *lone_traces.find(connection, query)])[: query.limit]


def _failures(connection: apsw.Connection, query: TraceQuery) -> list[SpanRecord]:
    # Every trace with a failure has a rank: there is an index on it.
    found, values = _select("id, trace_id", query, "rank > 0", "failures > 0")
    failed = STATUS_OF_SEVERITY[FAILED_SEVERITY:]
    # Sifted by SQLite: a trace of thousands of spans may hold one that failed.
    rows = connection.execute(
        f"WITH found AS ({found}) SELECT trace_id, CAST(span.value AS BLOB) FROM found"
        " JOIN spans ON spans.trace = found.id JOIN json_each(CAST(spans.data AS TEXT)) AS span"
        f" WHERE span.value ->> {_STATUS_AT} IN ({', '.join('?' for _ in failed)}) ORDER BY found.id DESC",
        (*values, *failed),
    )
    return [unpack_span(trace_id, data) for trace_id, data in rows]


def _select(columns: str, query: TraceQuery, *also: str) -> tuple[str, tuple[Any, ...]]:
    """The statement that finds the traces of a query that also fulfil some conditions, and its values."""
    conditions: list[str] = [*also]
    values: list[Any] = []

    def add(condition: str, *given: Any) -> None:
        conditions.append(condition)
        values.extend(given)

    if query.before is not None:
        add("id < ?", query.before)
    if query.trace_ids is not None:
        add(f"trace_id IN ({', '.join('?' for _ in query.trace_ids)})", *query.trace_ids)
    if query.since_ms is not None:
        add("started_ms >= ?", query.since_ms)
    if query.until_ms is not None:
        add("started_ms < ?", query.until_ms)
    if query.kind is not None:
        add("kind = ?", query.kind)
    if query.min_us is not None:
        add("ended_ms - started_ms >= ?", query.min_us / 1000)
    if query.max_us is not None:
        add("ended_ms - started_ms <= ?", query.max_us / 1000)
    if query.status == "failed":
        # Every failed trace has this rank and no other has: there is an index on it.
        add(f"rank > 0 AND rank = {FAILED}")
    elif query.status == "retried":
        add(f"rank > 0 AND failures > 0 AND severity > 0 AND severity < {FAILED_SEVERITY}")
    elif query.status is not None:
        add("severity = ?", STATUS_OF_SEVERITY.index(query.status))
    if query.step is not None:
        add("instr(steps, ?)", _as_listed(query.step))
    if query.any_step is not None:
        one_of = " OR ".join("instr(steps, ?)" for _ in query.any_step)
        add(f"({one_of or 'false'})", *map(_as_listed, query.any_step))
    if query.text is not None:
        # The step that a trace began with is among its steps; an id is looked for where the text may be one.
        texts = ("steps", "error", "trace_id") if _MAYBE_ID.fullmatch(query.text) else ("steps", "error")
        one_of = " OR ".join(f"{text} LIKE ? ESCAPE '!'" for text in texts)
        pattern = _LIKE_MARKS.sub(r"!\g<0>", query.text)
        add(f"({one_of})", *[f"%{pattern}%"] * len(texts))
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    return f"SELECT {columns} FROM traces {where} ORDER BY id DESC LIMIT ?", (*values, query.limit)


def _traces_at(connection: apsw.Connection, positions: Sequence[int]) -> list[TraceSummary]:
    marks = ", ".join("?" for _ in positions)
    rows = connection.execute(
        f"SELECT {_SUMMARY} FROM traces WHERE id IN ({marks}) ORDER BY id DESC", tuple(positions)
    )
    return _newest_first([*map(_summary, rows), *lone_traces.at(connection, positions)])


def _newest_first(found: list[TraceSummary]) -> list[TraceSummary]:
    return sorted(found, key=lambda summary: -summary.position)


def _trace(connection: apsw.Connection, trace_id: str) -> Trace | None:
    row: Any = connection.execute(f"SELECT {_SUMMARY} FROM traces WHERE trace_id = ?", (trace_id,)).fetchone()
    lone = lone_traces.span_of(connection, trace_id)
    if row is None:
        return None if lone is None else Trace(summary=lone[0], spans=[lone[1]], logs=[])
    parts = connection.execute("SELECT data FROM spans WHERE trace = ?", (row[0],))
    spans = [span for (data,) in parts for span in unpack_spans(trace_id, data)]
    if lone is not None:
        # Something came late that nobody expected of it.
        spans.append(lone[1])
    lines = connection.execute("SELECT data FROM logs WHERE trace = ? ORDER BY id", (row[0],))
    return Trace(
        summary=_summary(row),
        spans=by_time(spans),
        logs=[unpack_log(trace_id, data) for (data,) in lines],
    )


def _logs(connection: apsw.Connection, query: LogQuery) -> list[LogEntry]:
    conditions = ["level >= ?"]
    values: list[Any] = [LEVELS[query.level] if query.level else 0]
    if query.after is not None:
        conditions.append("id > ?")
        values.append(query.after)
    if query.before is not None:
        conditions.append("id < ?")
        values.append(query.before)
    if query.step is not None:
        conditions.append("step = ?")
        values.append(query.step)
    if query.any_step is not None:
        conditions.append(f"step IN ({', '.join('?' for _ in query.any_step)})")
        values += query.any_step
    if query.trace_id is not None:
        # Lines outside of any trace stand under 0, which no trace has.
        conditions.append("trace = coalesce((SELECT id FROM traces WHERE trace_id = ?), ?)")
        values += (query.trace_id, -1 if query.trace_id else 0)
    if query.since_ms is not None:
        conditions.append("at_ms >= ?")
        values.append(query.since_ms)
    if query.until_ms is not None:
        conditions.append("at_ms < ?")
        values.append(query.until_ms)
    if query.text is not None:
        conditions.append("instr(lower(CAST(data AS TEXT)), ?)")
        values.append(query.text.lower())
    order = "ASC" if query.after is not None else "DESC"
    rows: list[Any] = connection.execute(
        f"SELECT id, trace_id, data FROM logs WHERE {' AND '.join(conditions)} ORDER BY id {order} LIMIT ?",
        (*values, query.limit),
    ).fetchall()
    if query.after is None:
        rows.reverse()
    return [LogEntry(position, unpack_log(trace_id, data)) for position, trace_id, data in rows]


def _as_listed(step: str) -> str:
    return f"{STEP_SEPARATOR}{step}{STEP_SEPARATOR}"


def _summary(row: Sequence[Any]) -> TraceSummary:
    position, trace_id, name, kind, severity, started_ms, ended_ms, spans, failures, steps, error = row
    return TraceSummary(
        trace_id=trace_id,
        name=name,
        kind=kind,
        status=STATUS_OF_SEVERITY[severity],
        started_at_ms=started_ms,
        ended_at_ms=ended_ms,
        spans=spans,
        failures=failures,
        steps=tuple(step for step in steps.split(STEP_SEPARATOR) if step),
        error=error,
        position=position,
    )
