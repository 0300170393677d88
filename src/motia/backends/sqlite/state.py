"""State: keys of scopes, and the messages that their changes trigger."""

from __future__ import annotations

from typing import Any

from motia import encoding
from motia.backends.sqlite.queue import enqueue
from motia.backends.sqlite.state_log import note
from motia.backends.sqlite.transaction import Transaction
from motia.core import batch as ops
from motia.core.update import apply_update
from motia.state.changes import kind_of, triggered, version_conflict


def check_version(transaction: Transaction, guard: ops.StateVersion) -> None:
    row = transaction.execute(
        "SELECT version FROM state WHERE scope = ?1 AND key = ?2"
        " AND (?3 IS NULL OR expires_at IS NULL OR expires_at > ?3)",
        (guard.scope, guard.key, guard.now_ms),
    ).fetchone()
    found = row[0] if row else 0
    if found != guard.version:
        raise version_conflict(guard, found)


def _state_row(
    transaction: Transaction, scope: str, key: str, now_ms: int
) -> tuple[bytes | None, int, int | None]:
    row = transaction.execute(
        "SELECT value, version, expires_at FROM state WHERE scope = ? AND key = ?", (scope, key)
    ).fetchone()
    if row is None or (row[2] is not None and row[2] <= now_ms):
        return None, 0, None
    return row[0], row[1], row[2]


def _write_state(
    transaction: Transaction,
    operation: ops.StatePut | ops.StateUpdate | ops.StateDelete,
    old: bytes | None,
    new: bytes | None,
    expires_at_ms: int | None,
) -> ops.StateResult:
    version = 0
    if new is None:
        transaction.execute("DELETE FROM state WHERE scope = ? AND key = ?", (operation.scope, operation.key))
    else:
        version = transaction.next_number()
        transaction.execute(
            "INSERT INTO state (scope, key, value, version, expires_at) VALUES (?,?,?,?,?)"
            " ON CONFLICT (scope, key) DO UPDATE SET value = excluded.value,"
            " version = excluded.version, expires_at = excluded.expires_at",
            (operation.scope, operation.key, new, version, expires_at_ms),
        )
    result = ops.StateResult(old, new, version)
    if old is not None or new is not None:
        kind = kind_of(old, new)
        note(transaction, operation.scope, operation.key, kind, version, operation.now_ms)
    for message in triggered(operation, result):
        enqueue(transaction, ops.Enqueue(message))
    return result


def state_put(transaction: Transaction, operation: ops.StatePut) -> ops.StateResult:
    old, _, _ = _state_row(transaction, operation.scope, operation.key, operation.now_ms)
    return _write_state(transaction, operation, old, operation.value, operation.expires_at_ms)


def state_delete(transaction: Transaction, operation: ops.StateDelete) -> ops.StateResult:
    old, _, _ = _state_row(transaction, operation.scope, operation.key, operation.now_ms)
    return _write_state(transaction, operation, old, None, None)


def state_update(transaction: Transaction, operation: ops.StateUpdate) -> ops.StateResult:
    old, _, expires_at_ms = _state_row(transaction, operation.scope, operation.key, operation.now_ms)
    value = None if old is None else encoding.decode(old)
    changed = apply_update(value, operation.operations)
    new = None if changed is None else encoding.encode(changed)
    if operation.expires_at_ms is not None:
        expires_at_ms = operation.expires_at_ms
    return _write_state(transaction, operation, old, new, expires_at_ms)


def state_clear(transaction: Transaction, operation: ops.StateClear) -> int:
    # What had expired was not there: it goes too, uncounted.
    transaction.execute(
        "DELETE FROM state WHERE scope = ? AND expires_at <= ?", (operation.scope, operation.now_ms)
    )
    transaction.execute("DELETE FROM state WHERE scope = ?", (operation.scope,))
    count = transaction.connection.changes()
    if count:
        note(transaction, operation.scope, None, "cleared", 0, operation.now_ms)
    return count


def expire(transaction: Transaction, operation: ops.Expire) -> int:
    gone: list[Any] = transaction.execute(
        "DELETE FROM state WHERE (scope, key) IN"
        " (SELECT scope, key FROM state WHERE expires_at <= ? LIMIT ?) RETURNING scope, key",
        (operation.now_ms, operation.limit),
    ).fetchall()
    for scope, key in gone:
        note(transaction, scope, key, "deleted", 0, operation.now_ms)
    return len(gone)
