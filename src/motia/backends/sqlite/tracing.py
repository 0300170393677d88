"""Traces and logs in a file of their own, `trace.db`, written by every node of the machine.

Apart from the queue's file: deleting what is old, a long read of the console, or a full budget never holds
up a message. `trace_file.py` has its tables.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw
import orjson

from motia.backends.sqlite import lone_traces
from motia.backends.sqlite.connection import has_moved, in_transaction, let_go
from motia.backends.sqlite.trace_file import open_trace_file
from motia.backends.sqlite.tracing_activity import compact, write_counts, write_note
from motia.errors import BackendError
from motia.tracing.activity import Activity, Lineage
from motia.tracing.lone import LoneSpans
from motia.tracing.packing import PackedLog, pack_spans
from motia.tracing.record import LEVELS, SpanRecord
from motia.tracing.store import MAX_SPANS_PER_TRACE
from motia.tracing.summary import ORDINARY, Standing, fold, rank_to_drop, standing_of

STEP_SEPARATOR = "\n"
"""Around and between the names in `traces.steps`, so that one name can be found as a whole."""
_INSERT = """
INSERT INTO traces
  (id, trace_id, started_ms, ended_ms, name, kind, rooted, severity, rank, spans, failures, steps, error,
   dead)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_GROW = """
UPDATE traces SET
  started_ms = min(started_ms, ?2), ended_ms = max(ended_ms, ?3),
  name = CASE WHEN ?6 > rooted THEN ?4 ELSE name END,
  kind = CASE WHEN ?6 > rooted THEN ?5 ELSE kind END,
  rooted = max(rooted, ?6), severity = ?7, rank = ?8,
  spans = spans + ?9, failures = failures + ?10, steps = ?11, error = coalesce(error, ?12), dead = ?13
WHERE id = ?1
"""
_KNOWN = (
    "SELECT trace_id, id, spans, steps, severity, rank, dead FROM traces"
    " WHERE trace_id IN (SELECT value FROM json_each(?))"
)
_LAST_ID = "SELECT seq FROM sqlite_sequence WHERE name = 'traces'"
_TRACES_PER_ROUND = 200
_ROUNDS_PER_BATCH = 5
_LINES_PER_ROUND = 1_000
_PAGES_PER_ROUND = 500
_COMPACT_EVERY_S = 300
_FEW_SPANS = 50
_MANY_SPANS = 2_000


@dataclass(slots=True)
class _Kept:
    """What the file holds. Counted when trimming begins: counting takes as long as dropping many rounds."""

    ordinary: int
    others: int
    lines: int
    """Outside of any trace."""
    line_bytes: float


class SqliteTraceSink:
    """`RecordSink` over `trace.db`. `max_bytes` bounds the file; it is exceeded by one batch at most.

    Over it, the oldest ordinary traces go first; slow (a span of `slow_ms` or more) and failed ones outlive
    them while they are the fewer.
    """

    name = "trace store"

    def __init__(self, path: Path, *, max_bytes: int, slow_ms: float = 1000.0) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._slow_ms = slow_ms
        self._connection: apsw.Connection | None = None
        self._dropped_to = 0
        """No ordinary trace is older than this one: the search for the next to drop starts here."""
        self._lineage = Lineage()
        self._counted = Activity()
        """Counts that are not written yet."""
        self._compacted_s = 0
        self._kept: _Kept | None = None
        """While the file is being trimmed."""

    def open(self) -> None:
        """Failure: `BackendError` where the file cannot be opened or is too new."""
        self._connection = open_trace_file(self._path, self._max_bytes)
        self._dropped_to, self._kept = 0, None

    def close(self) -> None:
        if self._connection is not None:
            let_go(self._connection)
            self._connection = None

    def write(
        self, spans: Sequence[SpanRecord], logs: Sequence[PackedLog], lone: Sequence[LoneSpans] = ()
    ) -> None:
        if self._connection is None:
            raise BackendError(f"{self._path}: is not open", code="backend.closed")
        if has_moved(self._connection):
            # Somebody deleted it: what comes from now on is kept in a new one.
            self.close()
            self.open()
        connection = self._connection
        activity = self._lineage.fold(spans, lone)
        self._counted.add(activity)
        # Busy batches are counted together; an empty one comes when nothing is recorded for a while.
        due = activity.spans < _FEW_SPANS or self._counted.spans >= _MANY_SPANS

        def insert() -> None:
            if spans or logs or lone:
                _insert(connection, spans, lone, logs, self._slow_ms, activity)
            if due and self._counted.steps:
                write_counts(connection, self._counted)

        in_transaction(connection, self._path, insert)
        if due:
            self._compact(connection, self._counted)
            self._counted = Activity()
        self._keep_budget(connection, activity.spans + len(logs))

    def _compact(self, connection: apsw.Connection, activity: Activity) -> None:
        now_s = int(activity.last_ms / 1000)
        if now_s - self._compacted_s >= _COMPACT_EVERY_S:
            self._compacted_s = now_s
            in_transaction(connection, self._path, lambda: compact(connection, now_s))

    def _keep_budget(self, connection: apsw.Connection, written: int) -> None:
        """Over the budget, drop more with every batch than came with it, until a tenth is free again: at once
        it would hold up the records that come meanwhile."""
        used_bytes = _used_bytes(connection)
        if self._kept is None and used_bytes <= self._max_bytes:
            return
        target_bytes = self._max_bytes * 9 // 10
        least = _ROUNDS_PER_BATCH + 2 * written // _TRACES_PER_ROUND
        # Short transactions: other nodes wait for the lock meanwhile. Each looks again, for they trim too.
        while used_bytes > target_bytes and (least > 0 or used_bytes > self._max_bytes):
            least -= 1
            if not in_transaction(
                connection, self._path, lambda: self._drop_oldest(connection, target_bytes)
            ):
                used_bytes = 0
                break
            used_bytes = _used_bytes(connection)
        if used_bytes <= target_bytes:
            self._kept = None
        # Free pages are used again; only a file that is over the budget gives some back.
        while (excess := _excess_pages(connection, self._max_bytes)) > 0:
            connection.execute(f"PRAGMA incremental_vacuum({min(excess, _PAGES_PER_ROUND)})").fetchall()

    def _drop_oldest(self, connection: apsw.Connection, target_bytes: int) -> int:
        """Delete one round of what matters least; 0 when there is nothing left to delete."""
        if self._kept is None:
            self._kept = _count_kept(connection)
        kept = self._kept
        total = kept.ordinary + kept.others
        if kept.lines and (not total or kept.lines * kept.line_bytes > target_bytes // 2):
            dropped = _drop_lines(connection, None)
            kept.lines -= dropped
            return dropped
        # A round takes at most a tenth, so that a small store is not emptied at once.
        limit = max(1, min(_TRACES_PER_ROUND, total // 10))
        victims: list[Any] = []
        if rank_to_drop(kept.ordinary, kept.others) == ORDINARY:
            lone = lone_traces.oldest(connection)
            find = "SELECT id, started_ms FROM traces WHERE rank = 0 AND id > ? ORDER BY id LIMIT ?"
            victims = list(connection.execute(find, (self._dropped_to, limit)))
            if not victims and self._dropped_to:
                victims = list(connection.execute(find, (0, limit)))
            if lone is not None and not (victims and victims[0][0] < lone.last):
                return self._drop_lone(connection, kept, lone)
            self._dropped_to = victims[-1][0] if victims else 0
            kept.ordinary -= len(victims)
        if not victims:
            find = "SELECT id, started_ms FROM traces WHERE rank > 0 ORDER BY rank, id LIMIT ?"
            victims = list(connection.execute(find, (limit,)))
            kept.others -= len(victims)
        if not victims:
            return 0
        ids = orjson.dumps([rowid for rowid, _ in victims]).decode()
        for table, column in (("spans", "trace"), ("logs", "trace"), ("traces", "id")):
            connection.execute(
                f"DELETE FROM {table} WHERE {column} IN (SELECT value FROM json_each(?))", (ids,)
            )
        lines = _drop_lines(connection, max(started_ms for _, started_ms in victims))
        kept.lines -= lines
        return len(victims) + lines

    @staticmethod
    def _drop_lone(connection: apsw.Connection, kept: _Kept, row: lone_traces.Oldest) -> int:
        lone_traces.drop(connection, row.last)
        kept.ordinary -= row.traces
        lines = _drop_lines(connection, row.last_ms)
        kept.lines -= lines
        return row.traces + lines


def _count_kept(connection: apsw.Connection) -> _Kept:
    total, others, lines, line_bytes = connection.execute(
        "SELECT (SELECT count(*) FROM traces), (SELECT count(*) FROM traces WHERE rank > 0),"
        " (SELECT count(*) FROM logs WHERE trace = 0),"
        " (SELECT avg(length(data)) FROM (SELECT data FROM logs WHERE trace = 0 LIMIT 100))"
    ).get
    return _Kept(total - others + lone_traces.count(connection), others, lines, line_bytes or 0.0)


def _insert(
    connection: apsw.Connection,
    spans: Sequence[SpanRecord],
    lone: Sequence[LoneSpans],
    logs: Sequence[PackedLog],
    slow_ms: float,
    activity: Activity,
) -> None:
    last_before = int(connection.execute(_LAST_ID).get or 0)
    spans = [*spans, *lone_traces.put(connection, lone, slow_ms)]
    by_trace: defaultdict[str, list[SpanRecord]] = defaultdict(list)
    for record in spans:
        by_trace[record.trace_id].append(record)
    ids, before = _keep_traces(connection, spans, logs, slow_ms)
    connection.executemany(
        "INSERT INTO spans VALUES (?, ?, ?)",
        [
            (ids[trace_id], before[trace_id], pack_spans(records))
            for trace_id, records in by_trace.items()
            if before[trace_id] + len(records) <= MAX_SPANS_PER_TRACE
        ],
    )
    connection.executemany(
        "INSERT INTO logs (trace, trace_id, level, step, at_ms, data) VALUES (?, ?, ?, ?, ?, ?)",
        [
            (ids[line.trace_id], line.trace_id, LEVELS[line.level], line.step, line.at_ms, data)
            for line, data in logs
        ],
    )
    new = (last_before + 1, int(connection.execute(_LAST_ID).get or 0))
    write_note(connection, activity, new, [id_ for id_ in ids.values() if 0 < id_ <= last_before])


def _keep_traces(
    connection: apsw.Connection, spans: Sequence[SpanRecord], logs: Sequence[PackedLog], slow_ms: float
) -> tuple[dict[str, int], dict[str, int]]:
    """Row ids of the traces, and how many spans each had before."""
    touched = {record.trace_id for record in spans} | {line.trace_id for line, _ in logs}
    known: dict[str, tuple[int, int, str]] = {}
    standings: dict[str, Standing] = {}
    rows = connection.execute(_KNOWN, (orjson.dumps([*touched]).decode(),))
    for trace_id, id_, count, steps, severity, rank, dead in rows:
        known[trace_id] = (id_, count, steps)
        standings[trace_id] = Standing(severity, rank) if dead is None else Standing(*orjson.loads(dead))
    deltas = fold(spans, logs, slow_ms, standings)
    next_id = int(connection.execute(_LAST_ID).get or 0) + 1
    ids: dict[str, int] = {"": 0}
    before: dict[str, int] = {}
    new: list[tuple[Any, ...]] = []
    grown: list[tuple[Any, ...]] = []
    for trace_id, delta in deltas.items():
        id_, count, steps = known.get(trace_id, (next_id, 0, STEP_SEPARATOR))
        for step in delta.steps:
            if f"{STEP_SEPARATOR}{step}{STEP_SEPARATOR}" not in steps:
                steps += f"{step}{STEP_SEPARATOR}"
        ids[trace_id], before[trace_id] = id_, count
        times_and_name = (delta.started_ms, delta.ended_ms, delta.name, delta.kind, delta.rooted)
        dead = orjson.dumps(tuple(standing_of(delta))).decode() if delta.dead else None
        rest = (delta.severity, delta.rank, delta.spans, delta.failures, steps, delta.error, dead)
        if trace_id not in known:
            next_id += 1
            new.append((id_, trace_id, *times_and_name, *rest))
        else:
            grown.append((id_, *times_and_name, *rest))
    connection.executemany(_INSERT, new)
    connection.executemany(_GROW, grown)
    return ids, before


def _used_bytes(connection: apsw.Connection) -> int:
    pages, free, page_bytes = (
        int(connection.execute(f"PRAGMA {name}").get)
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * page_bytes


def _excess_pages(connection: apsw.Connection, max_bytes: int) -> int:
    """Pages that the file can and should give back."""
    names = ("page_count", "freelist_count", "page_size")
    pages, free, page_bytes = (int(connection.execute(f"PRAGMA {name}").get) for name in names)
    return min(free, pages - max_bytes // page_bytes)


def _drop_lines(connection: apsw.Connection, until_ms: float | None) -> int:
    """Delete the oldest lines outside of any trace, or those of them up to a time."""
    before = connection.total_changes()
    connection.execute(
        "DELETE FROM logs WHERE id IN"
        " (SELECT id FROM logs WHERE trace = 0 AND (?1 IS NULL OR at_ms <= ?1) ORDER BY id LIMIT ?2)",
        (until_ms, _LINES_PER_ROUND),
    )
    return connection.total_changes() - before
