"""Traces of one span that led on to nothing, many in a row of one table: `tracing.lone.LoneSpans`.

A row holds those of one step in one batch, as four lists: ids of the traces, ids of the spans, begins and
durations. Their positions end with `last` and have no gap. A row costs a hundred traces what one trace by
itself costs, in time and in bytes.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, cast

import apsw
import orjson

from motia.tracing.lone import LoneSpans
from motia.tracing.record import SpanKind, SpanRecord
from motia.tracing.store import TraceQuery, TraceSummary

SCHEMA = """
CREATE TABLE lone_traces (
  last INTEGER PRIMARY KEY,
  traces INTEGER NOT NULL,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  first_id TEXT NOT NULL,
  last_id TEXT NOT NULL,
  first_ms REAL NOT NULL,
  last_ms REAL NOT NULL,
  shortest_us INTEGER NOT NULL,
  longest_us INTEGER NOT NULL,
  data BLOB NOT NULL
);
"""
_INSERT = "INSERT INTO lone_traces VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_TAKE_POSITIONS = "UPDATE sqlite_sequence SET seq = seq + ? WHERE name = 'traces' RETURNING seq"
_WORTH_IT = 8
_MOST = 200
"""Of one row: the oldest are dropped a row at a time."""


def put(connection: apsw.Connection, lone: Sequence[LoneSpans], slow_ms: float) -> list[SpanRecord]:
    """Insert the lone traces of a batch; gives the spans that are to be kept one by one: slow ones, because
    they are kept longer, and those of a step that has only a few."""
    slow_us = slow_ms * 1000
    left: list[SpanRecord] = []
    for group in lone:
        if max(group.durations_us) >= slow_us:
            places = range(len(group.durations_us))
            left += group.at([place for place in places if group.durations_us[place] >= slow_us]).records()
            group = group.at([place for place in places if group.durations_us[place] < slow_us])
        if len(group.trace_ids) < _WORTH_IT:
            left += group.records()
            continue
        for start in range(0, len(group.trace_ids), _MOST):
            _insert(connection, group, slice(start, start + _MOST))
    return left


def _insert(connection: apsw.Connection, group: LoneSpans, part: slice) -> None:
    trace_ids, span_ids = group.trace_ids[part], group.span_ids[part]
    begins_ms, durations_us = group.begins_ms[part], group.durations_us[part]
    connection.execute(
        _INSERT,
        (
            connection.execute(_TAKE_POSITIONS, (len(trace_ids),)).get,
            len(trace_ids),
            group.name,
            group.kind,
            min(trace_ids),
            max(trace_ids),
            min(begins_ms),
            max(begins_ms),
            min(durations_us),
            max(durations_us),
            orjson.dumps((trace_ids, span_ids, begins_ms, durations_us)),
        ),
    )


def find(connection: apsw.Connection, query: TraceQuery) -> list[TraceSummary]:
    """The newest `query.limit` lone traces that match, newest first."""
    if query.status not in (None, "ok") or query.trace_ids == ():
        return []
    conditions: list[str] = ["true"]
    values: list[Any] = []
    bounds = (
        ("last - traces + 1 < ?", query.before),
        ("last_ms >= ?", query.since_ms),
        ("first_ms < ?", query.until_ms),
        ("kind = ?", query.kind),
        ("name = ?", query.step),
        ("longest_us >= ?", query.min_us),
        ("shortest_us <= ?", query.max_us),
    )
    for condition, value in bounds:
        if value is not None:
            conditions.append(condition)
            values.append(value)
    if query.trace_ids is not None:
        one_of = " OR ".join("first_id <= ? AND last_id >= ?" for _ in query.trace_ids)
        conditions.append(f"({one_of})")
        values += [trace_id for trace_id in query.trace_ids for _ in range(2)]
    if query.any_step is not None:
        conditions.append(f"name IN ({', '.join('?' for _ in query.any_step)})")
        values += query.any_step
    found: list[TraceSummary] = []
    for row in _rows(connection, f"{' AND '.join(conditions)} ORDER BY last DESC", values):
        found += itertools.islice(_matching(row, query), query.limit - len(found))
        if len(found) >= query.limit:
            break
    return found


def at(connection: apsw.Connection, positions: Sequence[int]) -> list[TraceSummary]:
    """Those of these positions that are lone traces."""
    if not positions:
        return []
    rows = _rows(connection, "last >= ? AND last - traces < ?", (min(positions), max(positions)))
    return [
        _summary(row, position - row.first)
        for row in rows
        for position in positions
        if row.first <= position <= row.last
    ]


def span_of(connection: apsw.Connection, trace_id: str) -> tuple[TraceSummary, SpanRecord] | None:
    """A lone trace and its span."""
    for row in _rows(connection, "first_id <= ?1 AND last_id >= ?1", (trace_id,)):
        trace_ids, span_ids, begins_ms, durations_us = row.columns
        if trace_id in trace_ids:
            at = trace_ids.index(trace_id)
            kind = cast(SpanKind, row.kind)
            span = SpanRecord(trace_id, span_ids[at], None, row.name, kind, begins_ms[at], durations_us[at])
            return _summary(row, at), span
    return None


def count(connection: apsw.Connection) -> int:
    return int(connection.execute("SELECT coalesce(sum(traces), 0) FROM lone_traces").get)


class Oldest(NamedTuple):
    """The row that is the first to go."""

    last: int
    traces: int
    last_ms: float


def oldest(connection: apsw.Connection) -> Oldest | None:
    find = "SELECT last, traces, last_ms FROM lone_traces ORDER BY last LIMIT 1"
    row: Any = connection.execute(find).fetchone()
    return None if row is None else Oldest(*row)


def drop(connection: apsw.Connection, last: int) -> None:
    """Delete one row."""
    connection.execute("DELETE FROM lone_traces WHERE last = ?", (last,))


class _Row(NamedTuple):
    last: int
    name: str
    kind: str
    data: bytes
    columns: tuple[list[str], list[str], list[float], list[int]]
    """Ids of traces, ids of spans, begins in ms, durations in us."""

    @property
    def first(self) -> int:
        return self.last - len(self.columns[0]) + 1


def _rows(connection: apsw.Connection, condition: str, values: Sequence[Any]) -> Iterator[_Row]:
    found = connection.execute(f"SELECT last, name, kind, data FROM lone_traces WHERE {condition}", values)
    for last, name, kind, data in found:
        yield _Row(last, name, kind, data, orjson.loads(data))


def _matching(row: _Row, query: TraceQuery) -> Iterator[TraceSummary]:
    """Those that match, the newest first. The name and the kind of the row do."""
    text = None if query.text is None else query.text.lower()
    if text is not None and text in row.name.lower():
        text = None
    elif text is not None and text.encode() not in row.data:
        return
    trace_ids, _, begins_ms, durations_us = row.columns
    for number in reversed(range(len(trace_ids))):
        began_ms, us = begins_ms[number], durations_us[number]
        if (
            (query.before is None or row.first + number < query.before)
            and (query.trace_ids is None or trace_ids[number] in query.trace_ids)
            and (query.since_ms is None or began_ms >= query.since_ms)
            and (query.until_ms is None or began_ms < query.until_ms)
            and (query.min_us is None or us >= query.min_us)
            and (query.max_us is None or us <= query.max_us)
            and (text is None or text in trace_ids[number])
        ):
            yield _summary(row, number)


def _summary(row: _Row, number: int) -> TraceSummary:
    trace_ids, _, begins_ms, durations_us = row.columns
    return TraceSummary(
        trace_id=trace_ids[number],
        name=row.name,
        kind=row.kind,
        status="ok",
        started_at_ms=begins_ms[number],
        ended_at_ms=begins_ms[number] + durations_us[number] / 1000,
        spans=1,
        failures=0,
        steps=(row.name,),
        error=None,
        position=row.first + number,
    )
