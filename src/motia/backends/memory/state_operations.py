"""What the operations on state mean."""

from __future__ import annotations

from motia import encoding
from motia.backends.memory.journal import Journal
from motia.backends.memory.store import MemoryStore, StoredValue
from motia.core import batch as ops
from motia.core.update import apply_update
from motia.errors import ConflictError


class StateOperations:
    """Changes of keys. An entry whose expiry has passed counts as missing until `expire` takes it away."""

    def __init__(self, store: MemoryStore, journal: Journal) -> None:
        self._store = store
        self._journal = journal

    def check(self, guard: ops.StateVersion) -> None:
        entry = self._store.state.get(guard.scope, {}).get(guard.key)
        if entry is not None and guard.now_ms is not None and not entry.lives_at(guard.now_ms):
            entry = None
        found = entry.version if entry is not None else 0
        if found != guard.version:
            raise ConflictError(
                f"state {guard.scope}/{guard.key}: expected version {guard.version}, got {found}",
                code="state.version_conflict",
                guard="state_version",
            )

    def change(self, operation: ops.StatePut | ops.StateDelete | ops.StateUpdate) -> ops.StateResult:
        """Put, delete or update one key."""
        entry = self._store.state.get(operation.scope, {}).get(operation.key)
        if entry is not None and not entry.lives_at(operation.now_ms):
            self._remove(operation.scope, operation.key)
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
                self._remove(operation.scope, operation.key)
            return ops.StateResult(old, None, 0)
        version = self._store.next_number()
        if operation.scope not in self._store.state:
            self._journal.put(self._store.state, operation.scope, {})
        scope = self._store.state[operation.scope]
        self._journal.put(scope, operation.key, StoredValue(new, version, expires_at_ms))
        return ops.StateResult(old, new, version)

    def clear(self, operation: ops.StateClear) -> int:
        if operation.scope not in self._store.state:
            return 0
        entries = self._journal.remove(self._store.state, operation.scope)
        return sum(entry.lives_at(operation.now_ms) for entry in entries.values())

    def expire(self, operation: ops.Expire) -> int:
        over = [
            (scope, key)
            for scope, entries in self._store.state.items()
            for key, entry in entries.items()
            if not entry.lives_at(operation.now_ms)
        ][: operation.limit]
        for scope, key in over:
            self._remove(scope, key)
        return len(over)

    def _remove(self, scope: str, key: str) -> None:
        self._journal.remove(self._store.state[scope], key)
        if not self._store.state[scope]:
            self._journal.remove(self._store.state, scope)
