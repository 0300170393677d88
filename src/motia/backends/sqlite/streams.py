"""Streams: items of groups, their versions, and the log of their changes."""

from __future__ import annotations

from typing import Any

from motia.backends.sqlite.queue import enqueue
from motia.backends.sqlite.transaction import Transaction
from motia.core import batch as ops
from motia.core.stream import ChangeKind
from motia.streams.changes import triggered, updated, version_conflict

_FIRST = (
    "INSERT INTO stream_groups (stream, name, version, timestamp)"
    " SELECT ?1, ?2, max(?3, version + 1), max(?3, timestamp + 1) FROM changes_trimmed WHERE true"
)
"""A new group starts at the time and not at 1: should it be forgotten and come back, no version is reused."""
_NEXT_VERSION = (
    f"{_FIRST}"
    " ON CONFLICT (stream, name) DO UPDATE SET"
    " version = version + 1, timestamp = max(excluded.timestamp, timestamp + 1)"
    " RETURNING id, version, timestamp"
)
_NEXT_TIMESTAMP = (
    f"{_FIRST}"
    " ON CONFLICT (stream, name) DO UPDATE SET timestamp = max(excluded.timestamp, timestamp + 1)"
    " RETURNING id, version, timestamp"
)


def put(transaction: Transaction, operation: ops.StreamPut) -> ops.StreamResult:
    return _write(transaction, operation, _find(transaction, operation), operation.data)


def delete(transaction: Transaction, operation: ops.StreamDelete) -> ops.StreamResult:
    return _write(transaction, operation, _find(transaction, operation), None)


def update(transaction: Transaction, operation: ops.StreamUpdate) -> ops.StreamResult:
    old = _find(transaction, operation)
    return _write(transaction, operation, old, updated(operation, old))


def send(transaction: Transaction, operation: ops.StreamSend) -> None:
    scope, _, timestamp = _stamp(transaction, _NEXT_TIMESTAMP, operation)
    _log(transaction, operation, scope, "event", None, timestamp, operation.event)


def check_version(transaction: Transaction, guard: ops.StreamVersion) -> None:
    """Raise `ConflictError` unless the item still has the version it was read with."""
    found = (
        transaction.execute(
            "SELECT i.version FROM stream_groups g JOIN stream_items i ON i.scope = g.id"
            " WHERE g.stream = ? AND g.name = ? AND i.id = ?",
            (guard.stream, guard.group, guard.id),
        ).get
        or 0
    )
    if found != guard.version:
        raise version_conflict(guard, found)


def trim(transaction: Transaction, operation: ops.TrimChanges) -> int:
    rows = transaction.execute(
        "SELECT seq, scope FROM (SELECT seq, scope, timestamp FROM changes ORDER BY seq LIMIT ?1)"
        " WHERE timestamp < ?2"
        " OR seq <= (SELECT seq FROM changes ORDER BY seq DESC LIMIT 1 OFFSET ?3) ORDER BY seq",
        (operation.limit, operation.before_ms, operation.keep),
    ).fetchall()
    if rows:
        transaction.execute("UPDATE changes_trimmed SET seq = ?", (rows[-1][0],))
    for seq, _ in rows:
        transaction.execute("DELETE FROM changes WHERE seq = ?", (seq,))
    for scope in {scope for _, scope in rows}:
        forgotten = transaction.execute(
            "DELETE FROM stream_groups WHERE id = ?1"
            " AND NOT EXISTS (SELECT 1 FROM stream_items WHERE scope = ?1)"
            " AND NOT EXISTS (SELECT 1 FROM changes WHERE scope = ?1) RETURNING version, timestamp",
            (scope,),
        ).fetchall()
        for version, timestamp in forgotten:
            transaction.execute(
                "UPDATE changes_trimmed SET version = max(version, ?), timestamp = max(timestamp, ?)",
                (version, timestamp),
            )
    return len(rows)


def _stamp(transaction: Transaction, sql: str, operation: ops.StreamWriteOperation) -> Any:
    """Id, version and timestamp of the group, moved on."""
    place = (operation.stream, operation.group, operation.now_ms)
    return transaction.execute(sql, place).fetchall()[0]


def _find(
    transaction: Transaction, operation: ops.StreamPut | ops.StreamDelete | ops.StreamUpdate
) -> bytes | None:
    data: bytes | None = transaction.execute(
        "SELECT i.data FROM stream_groups g JOIN stream_items i ON i.scope = g.id"
        " WHERE g.stream = ? AND g.name = ? AND i.id = ?",
        (operation.stream, operation.group, operation.id),
    ).get
    return data


def _write(
    transaction: Transaction,
    operation: ops.StreamPut | ops.StreamDelete | ops.StreamUpdate,
    old: bytes | None,
    new: bytes | None,
) -> ops.StreamResult:
    if old is None and new is None:
        return ops.StreamResult(None, None, 0)
    scope, version, timestamp = _stamp(transaction, _NEXT_VERSION, operation)
    if new is None:
        kind: ChangeKind = "delete"
        transaction.execute("DELETE FROM stream_items WHERE scope = ? AND id = ?", (scope, operation.id))
    elif old is None:
        kind = "create"
        transaction.execute(
            "INSERT INTO stream_items (scope, id, seq, version, data) VALUES (?,?,?,?,?)",
            (scope, operation.id, transaction.next_number(), version, new),
        )
    else:
        kind = "update"
        transaction.execute(
            "UPDATE stream_items SET version = ?, data = ? WHERE scope = ? AND id = ?",
            (version, new, scope, operation.id),
        )
    _log(transaction, operation, scope, kind, version, timestamp, new or old or b"")
    return ops.StreamResult(old, new, version)


def _log(
    transaction: Transaction,
    operation: ops.StreamWriteOperation,
    scope: int,
    kind: ChangeKind,
    version: int | None,
    timestamp_ms: int,
    data: bytes,
) -> None:
    transaction.execute(
        "INSERT INTO changes (seq, scope, key, kind, version, timestamp, data) VALUES (?,?,?,?,?,?,?)",
        (transaction.next_number(), scope, operation.id, kind, version, timestamp_ms, data),
    )
    transaction.made_changes = True
    for message in triggered(operation, kind, version, timestamp_ms, data):
        enqueue(transaction, ops.Enqueue(message))
