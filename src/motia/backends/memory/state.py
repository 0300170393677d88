"""State: keys of scopes, and the messages that their changes trigger."""

from __future__ import annotations

from motia import encoding
from motia.backends.memory.queue import enqueue
from motia.backends.memory.state_log import note
from motia.backends.memory.store import StoredValue
from motia.backends.memory.transaction import Transaction
from motia.core import batch as ops
from motia.core.update import apply_update
from motia.state.changes import kind_of, triggered, version_conflict


def check_version(transaction: Transaction, guard: ops.StateVersion) -> None:
    entry = transaction.store.state.get(guard.scope, {}).get(guard.key)
    if entry is not None and guard.now_ms is not None and not entry.lives_at(guard.now_ms):
        entry = None
    found = entry.version if entry is not None else 0
    if found != guard.version:
        raise version_conflict(guard, found)


def change(
    transaction: Transaction, operation: ops.StatePut | ops.StateDelete | ops.StateUpdate
) -> ops.StateResult:
    """Put, delete or update one key, and store the messages of the triggers that watch it."""
    result = _changed(transaction, operation)
    if result.old is not None or result.new is not None:
        kind = kind_of(result.old, result.new)
        note(transaction, operation.scope, operation.key, kind, result.version, operation.now_ms)
    for message in triggered(operation, result):
        enqueue(transaction, ops.Enqueue(message))
    return result


def _changed(
    transaction: Transaction, operation: ops.StatePut | ops.StateDelete | ops.StateUpdate
) -> ops.StateResult:
    # An entry whose expiry has passed counts as missing until `expire` takes it away.
    entry = transaction.store.state.get(operation.scope, {}).get(operation.key)
    if entry is not None and not entry.lives_at(operation.now_ms):
        _remove(transaction, operation.scope, operation.key)
        entry = None
    old = entry.value if entry is not None else None
    if isinstance(operation, ops.StateDelete):
        new, expires_at_ms = None, None
    elif isinstance(operation, ops.StatePut):
        new, expires_at_ms = operation.value, operation.expires_at_ms
    else:
        changed = apply_update(None if old is None else encoding.decode(old), operation.operations)
        new = None if changed is None else encoding.encode(changed)
        kept_ms = entry.expires_at_ms if entry is not None else None
        expires_at_ms = kept_ms if operation.expires_at_ms is None else operation.expires_at_ms
    if new is None:
        if entry is not None:
            _remove(transaction, operation.scope, operation.key)
        return ops.StateResult(old, None, 0)
    version = transaction.store.next_number()
    if operation.scope not in transaction.store.state:
        transaction.journal.put(transaction.store.state, operation.scope, {})
    scope = transaction.store.state[operation.scope]
    transaction.journal.put(scope, operation.key, StoredValue(new, version, expires_at_ms))
    return ops.StateResult(old, new, version)


def state_clear(transaction: Transaction, operation: ops.StateClear) -> int:
    if operation.scope not in transaction.store.state:
        return 0
    entries = transaction.journal.remove(transaction.store.state, operation.scope)
    count = sum(entry.lives_at(operation.now_ms) for entry in entries.values())
    if count:
        note(transaction, operation.scope, None, "cleared", 0, operation.now_ms)
    return count


def expire(transaction: Transaction, operation: ops.Expire) -> int:
    over = [
        (scope, key)
        for scope, entries in transaction.store.state.items()
        for key, entry in entries.items()
        if not entry.lives_at(operation.now_ms)
    ][: operation.limit]
    for scope, key in over:
        _remove(transaction, scope, key)
        note(transaction, scope, key, "deleted", 0, operation.now_ms)
    return len(over)


def _remove(transaction: Transaction, scope: str, key: str) -> None:
    transaction.journal.remove(transaction.store.state[scope], key)
    if not transaction.store.state[scope]:
        transaction.journal.remove(transaction.store.state, scope)
