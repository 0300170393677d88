"""The file of traces and logs: its tables, and how it is opened for writing.

    traces(id, trace_id, …summary…)  1 ──┬── n  spans(trace, part, data)       clustered by trace
                                         └── n  logs(id, trace, …, data)       trace 0 = outside of any

A row of `spans` holds what one batch brought of a trace; its part is the number of spans before those.
Traces of one span that led on to nothing are in `lone_traces`, with positions out of the same sequence.

`synchronous=NORMAL`: a power cut may take the last moments, a kill takes none.
"""

from __future__ import annotations

from pathlib import Path

import apsw

from motia.backends.sqlite.connection import connect, in_transaction, translated
from motia.backends.sqlite.lone_traces import SCHEMA as LONE_SCHEMA
from motia.backends.sqlite.tracing_activity import SCHEMA as ACTIVITY_SCHEMA
from motia.errors import BackendError

_VERSION = 7
_SCHEMA = """
CREATE TABLE traces (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  trace_id TEXT NOT NULL UNIQUE,
  started_ms REAL NOT NULL,
  ended_ms REAL NOT NULL,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  rooted INTEGER NOT NULL,
  severity INTEGER NOT NULL,
  rank INTEGER NOT NULL,
  spans INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  steps TEXT NOT NULL,
  error TEXT,
  dead TEXT
);
CREATE INDEX traces_kept ON traces (rank, id) WHERE rank > 0;
CREATE TABLE spans (
  trace INTEGER NOT NULL, part INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (trace, part)
) WITHOUT ROWID;
CREATE TABLE logs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  trace INTEGER NOT NULL,
  trace_id TEXT NOT NULL,
  level INTEGER NOT NULL,
  step TEXT NOT NULL,
  at_ms REAL NOT NULL,
  data BLOB NOT NULL
);
CREATE INDEX logs_by_trace ON logs (trace);
INSERT INTO sqlite_sequence (name, seq) VALUES ('traces', 0);
"""
_TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'"


def open_trace_file(path: Path, max_bytes: int) -> apsw.Connection:
    """A connection for writing; the file is made where there is none."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise BackendError(
            f"{path.parent}: cannot be made ({error.strerror})",
            code="backend.unavailable",
            hint="set data_dir to a folder that can be written",
        ) from error
    _make_shrinkable(path)
    connection = connect(path, write=True)
    try:
        connection.execute("PRAGMA synchronous = NORMAL")
        # Written in order and seldom read here: a large cache would only hold memory.
        connection.execute("PRAGMA cache_size = -512")
        connection.execute("PRAGMA wal_autocheckpoint = 1000")
        connection.execute(f"PRAGMA journal_size_limit = {min(max(max_bytes // 8, 1024 * 1024), 67108864)}")
        in_transaction(connection, path, lambda: _create(connection, path))
    except BaseException:
        connection.close()
        raise
    return connection


def _make_shrinkable(path: Path) -> None:
    """A new file must be told before its first page that it shall give pages back."""
    try:
        connection = apsw.Connection(str(path))
        connection.set_busy_timeout(5000)
        try:
            if not connection.execute("PRAGMA page_count").get:
                connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
                connection.execute("PRAGMA journal_mode = WAL")
        finally:
            connection.close()
    except apsw.NotADBError:
        return  # `connect` says it in words
    except apsw.Error as error:
        raise translated(error, path) from error


def _create(connection: apsw.Connection, path: Path) -> None:
    found = int(connection.execute("PRAGMA user_version").get)
    if found > _VERSION:
        raise BackendError(
            f"{path}: expected schema version {_VERSION} or older, got {found}",
            code="backend.too_new",
            hint="a newer motia-steps wrote this file; upgrade, or delete it: it holds traces and logs only",
        )
    if found < _VERSION:
        # No release wrote an older one. What it holds is traces and logs only: it starts anew.
        for name in list(connection.execute(_TABLES)):
            connection.execute(f"DROP TABLE {name[0]}")
        connection.execute(_SCHEMA + LONE_SCHEMA + ACTIVITY_SCHEMA)
        connection.execute(f"PRAGMA user_version = {_VERSION}")
