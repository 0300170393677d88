"""What ran, counted: tables of `trace.db` beside the traces, written in the same transactions.

batches(seq, data)                          what each batch touched: how a live view follows all nodes
metrics(at_s, step, what, bin, n)           durations, waits and their sums, by time
ways(hour, source, topic, target, …)        steps (source empty) and the edges between them
depths(at_s, topic, step, depth, age_ms)    samples of queues
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apsw
import orjson

from motia.tracing.activity import Activity, EdgeCount, MetricRow, StepCount
from motia.tracing.store import BatchNote, DepthSample, Feed

BUCKET_S = 10
SCHEMA = """
CREATE TABLE batches (seq INTEGER PRIMARY KEY AUTOINCREMENT, data BLOB NOT NULL);
CREATE TABLE metrics (
  at_s INTEGER NOT NULL, step TEXT NOT NULL, what INTEGER NOT NULL, bin INTEGER NOT NULL, n INTEGER NOT NULL,
  PRIMARY KEY (at_s, step, what, bin)
) WITHOUT ROWID;
CREATE TABLE ways (
  hour INTEGER NOT NULL, source TEXT NOT NULL, topic TEXT NOT NULL, target TEXT NOT NULL,
  runs INTEGER NOT NULL, failures INTEGER NOT NULL, last_ms REAL NOT NULL,
  PRIMARY KEY (hour, source, topic, target)
) WITHOUT ROWID;
CREATE TABLE depths (
  at_s INTEGER NOT NULL, topic TEXT NOT NULL, step TEXT NOT NULL,
  depth INTEGER NOT NULL, age_ms INTEGER NOT NULL, PRIMARY KEY (at_s, topic, step)
) WITHOUT ROWID;
"""
_HOUR_S = 3600
_KEPT_BATCHES = 5_000
_COARSER = ((20 * 60, 300), (12 * _HOUR_S, _HOUR_S))
"""Older than this many seconds → buckets of this many."""
_KEPT_S = 7 * 24 * _HOUR_S
_KEPT_DEPTHS_S = 24 * _HOUR_S
_ADD_METRICS = (
    "INSERT INTO metrics VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (at_s, step, what, bin) DO UPDATE SET n = n + excluded.n"
)
_ADD_WAYS = """
INSERT INTO ways VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (hour, source, topic, target) DO UPDATE SET
  runs = runs + excluded.runs, failures = failures + excluded.failures,
  last_ms = max(last_ms, excluded.last_ms)
"""
_WAYS_SINCE = (
    "SELECT source, topic, target, sum(runs), sum(failures), max(last_ms) FROM ways"
    " WHERE hour >= ? AND (source = '') = ? GROUP BY source, topic, target"
)


def write_counts(connection: apsw.Connection, activity: Activity) -> None:
    """Add the counts of some batches."""
    connection.executemany(_ADD_METRICS, activity.rows(BUCKET_S))
    connection.executemany(
        _ADD_WAYS,
        [
            (int(last_ms / 1000) // _HOUR_S, source, topic, target, runs, failures, last_ms)
            for (source, topic, target), (runs, failures, last_ms) in (
                *(
                    (("", "", step), (found.runs, found.failures, found.last_ms))
                    for step, found in activity.steps.items()
                ),
                *activity.edges.items(),
            )
        ],
    )


def write_note(
    connection: apsw.Connection, activity: Activity, new: tuple[int, int], touched: Sequence[int]
) -> None:
    """Note what a batch touched. `new`: first and last id of its new traces; `touched`: ids of older ones."""
    if new[0] <= new[1] or touched or activity.steps:
        note = {
            "new": new,
            "touched": list(touched),
            "steps": {step: (found.runs, found.failures) for step, found in activity.steps.items()},
            "edges": [[*edge, *found[:2]] for edge, found in activity.edges.items()],
        }
        connection.execute("INSERT INTO batches (data) VALUES (?)", (orjson.dumps(note),))


def compact(connection: apsw.Connection, now_s: int) -> None:
    """Make old buckets coarser, fold what is too old into the bucket 0, and forget old notes and samples."""
    for older_s, bucket_s in _COARSER:
        _fold(connection, now_s - older_s, f"at_s / {bucket_s} * {bucket_s}", f"at_s % {bucket_s} <> 0")
    _fold(connection, now_s - _KEPT_S, "0", "at_s > 0")
    connection.execute("DELETE FROM ways WHERE hour < ?", ((now_s - _KEPT_S) // _HOUR_S,))
    connection.execute("DELETE FROM depths WHERE at_s < ?", (now_s - _KEPT_DEPTHS_S,))
    connection.execute(
        "DELETE FROM batches WHERE seq <= (SELECT max(seq) FROM batches) - ?", (_KEPT_BATCHES,)
    )


def _fold(connection: apsw.Connection, before_s: int, bucket: str, condition: str) -> None:
    rows: list[Any] = connection.execute(
        f"SELECT {bucket}, step, what, bin, sum(n) FROM metrics WHERE at_s < ? AND {condition}"
        " GROUP BY 1, step, what, bin",
        (before_s,),
    ).fetchall()
    if rows:
        connection.execute(f"DELETE FROM metrics WHERE at_s < ? AND {condition}", (before_s,))
        connection.executemany(_ADD_METRICS, rows)


def read_feed(connection: apsw.Connection, after: int | None, limit: int) -> Feed:
    """What the batches after a position noted."""
    first, last = connection.execute(
        "SELECT coalesce(min(seq), 1), coalesce(max(seq), 0) FROM batches"
    ).fetchone() or (1, 0)
    if after is None:
        return Feed(position=last)
    # A file that was made anew counts from the start again.
    lost = after > last or after < first - 1
    if lost:
        return Feed(position=last, lost=True)
    rows = connection.execute(
        "SELECT seq, data FROM batches WHERE seq > ? ORDER BY seq LIMIT ?", (after, limit)
    )
    notes: list[BatchNote] = []
    position = after
    for seq, data in rows:
        position = seq
        note = orjson.loads(data)
        first_new, last_new = note["new"]
        notes.append(
            BatchNote(
                traces=[*note["touched"], *range(first_new, last_new + 1)],
                steps={step: (runs, failures) for step, (runs, failures) in note["steps"].items()},
                edges=[tuple(edge) for edge in note["edges"]],
            )
        )
    return Feed(position=position, notes=notes)


def read_metrics(
    connection: apsw.Connection, since_s: int, until_s: int | None, step: str | None
) -> list[MetricRow]:
    """Counts by bucket."""
    rows = connection.execute(
        "SELECT at_s, step, what, bin, n FROM metrics"
        " WHERE at_s >= ?1 AND (?2 IS NULL OR at_s < ?2) AND (?3 IS NULL OR step = ?3)",
        (since_s, until_s, step),
    )
    return [MetricRow(*row) for row in rows]


def read_totals(connection: apsw.Connection) -> list[MetricRow]:
    """Counts over all time, in the bucket 0."""
    rows = connection.execute("SELECT 0, step, what, bin, sum(n) FROM metrics GROUP BY step, what, bin")
    return [MetricRow(*row) for row in rows]


def read_edges(connection: apsw.Connection, since_ms: float) -> list[EdgeCount]:
    return [EdgeCount(*row) for row in connection.execute(_WAYS_SINCE, (_hour(since_ms), False))]


def read_runs(connection: apsw.Connection, since_ms: float) -> list[StepCount]:
    return [
        StepCount(target, runs, failures, last_ms)
        for _, _, target, runs, failures, last_ms in connection.execute(_WAYS_SINCE, (_hour(since_ms), True))
    ]


def write_depths(connection: apsw.Connection, samples: Sequence[DepthSample]) -> None:
    connection.executemany(
        "INSERT INTO depths VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
        " depth = max(depth, excluded.depth), age_ms = max(age_ms, excluded.age_ms)",
        samples,
    )


def read_depths(connection: apsw.Connection, since_s: int) -> list[DepthSample]:
    rows = connection.execute(
        "SELECT at_s, topic, step, depth, age_ms FROM depths WHERE at_s >= ?", (since_s,)
    )
    return [DepthSample(*row) for row in rows]


def _hour(since_ms: float) -> int:
    return int(since_ms / 1000) // _HOUR_S
