"""`ctx.state`: key-value state as a handler reads and writes it."""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from motia import encoding
from motia.authoring.durations import Duration, optional_seconds
from motia.authoring.futures import mapped
from motia.core.calls import Calls, StateWrite, StateWritten
from motia.core.state import StateEntry
from motia.core.update import UpdateOperation
from motia.errors import ConflictError
from motia.state.operations import parse_operations

if TYPE_CHECKING:
    from motia.authoring.context import Context

T = TypeVar("T")
U = TypeVar("U")


class State:
    """Key-value state, shared by all steps. Values are JSON; a scope groups keys.

    *Concurrency*: each key is linearizable; `update` and `compare_and_set` are atomic over all nodes.
    """

    __slots__ = ("_context",)

    def __init__(self, context: Context) -> None:
        self._context = context

    def get(self, scope: str, key: str) -> Awaitable[Any]:
        """The value, or None."""
        return self._read(lambda calls: calls.state_get(scope, key), _value)

    def entry(self, scope: str, key: str) -> Awaitable[Entry]:
        """The value with its version: `Entry(value, version)`; `Entry(None, 0)` when there is none."""
        return self._read(lambda calls: calls.state_get(scope, key), _entry)

    def set(
        self,
        scope: str,
        key: str,
        value: Any,
        *,
        ttl: Duration | None = None,
        if_version: int | None = None,
    ) -> Awaitable[Any]:
        """Store a value; gives the value back. `ttl` forgets it later. `if_version` stores only over that
        version (0: only if there is none) and otherwise raises `ConflictError` `state.version_conflict`."""
        write = StateWrite("put", scope, key, value, (), optional_seconds(ttl), if_version)
        return self._write(write, lambda written: value)

    def delete(self, scope: str, key: str) -> Awaitable[Any]:
        """Remove a key; gives its last value, or None."""
        return self._write(StateWrite("delete", scope, key), lambda written: written.old)

    def update(self, scope: str, key: str, operations: Any, *, ttl: Duration | None = None) -> Awaitable[Any]:
        """Apply set, merge, increment, decrement, append, remove atomically.

        Gives `{"old_value", "new_value", "version"}`. Operations are those of `motia.state.operations` or
        dicts such as `{"type": "increment", "path": "stats.views", "by": 1}`.
        """
        parsed: Sequence[UpdateOperation] = parse_operations(operations)
        return self._write(StateWrite("update", scope, key, None, parsed, optional_seconds(ttl)), _changes)

    def increment(self, scope: str, key: str, by: int | float = 1) -> Awaitable[Any]:
        """Add to a number atomically (missing = 0); gives the new number."""
        operations = (UpdateOperation("increment", (), by),)
        return self._write(
            StateWrite("update", scope, key, None, operations), lambda written: _or_none(written).new
        )

    def compare_and_set(self, scope: str, key: str, expected: Any, value: Any) -> Awaitable[bool]:
        """Store `value` only if the key holds `expected` (None = nothing); gives whether it did."""
        calls = self._context._calls
        return self._context._run(
            lambda: calls.begin(self._compare_and_set(calls, scope, key, expected, value))
        )

    def get_group(self, scope: str) -> Awaitable[builtins.list[Any]]:
        """All values of a scope, by key; [] when there are none."""
        return self._read(
            lambda calls: calls.state_entries(scope),
            lambda entries: [encoding.decode(entry.value) for entry in entries],
        )

    getGroup = list = get_group

    def entries(self, scope: str) -> Awaitable[dict[str, Any]]:
        """All keys of a scope with their values, as a dict."""
        return self._read(
            lambda calls: calls.state_entries(scope),
            lambda found: {entry.key: encoding.decode(entry.value) for entry in found},
        )

    def list_groups(self) -> Awaitable[builtins.list[str]]:
        """Names of all scopes, sorted."""
        return self._read(lambda calls: calls.state_scopes(), lambda scopes: scopes)

    listGroups = list_groups

    def clear(self, scope: str) -> Awaitable[None]:
        """Remove every key of a scope. Runs no state triggers."""
        return self._write(StateWrite("clear", scope), lambda written: None)

    def _read(self, read: Callable[[Calls], asyncio.Future[T]], then: Callable[[T], U]) -> Awaitable[Any]:
        calls = self._context._calls
        return self._context._run(lambda: mapped(calls, read(calls), then, reads=True))

    def _write(self, write: StateWrite, then: Callable[[Any], Any]) -> Awaitable[Any]:
        calls = self._context._calls
        return self._context._run(lambda: mapped(calls, calls.state_write(write), then))

    @staticmethod
    async def _compare_and_set(calls: Calls, scope: str, key: str, expected: Any, value: Any) -> bool:
        while True:
            entry = await calls.state_get(scope, key)
            if _value(entry) != expected:
                return False
            version = entry.version if entry else 0
            try:
                await calls.state_write(StateWrite("put", scope, key, value, if_version=version))
            except ConflictError as conflict:
                if conflict.code != "state.version_conflict":
                    raise
                continue
            return True


class Entry:
    """A value and the version it has."""

    __slots__ = ("value", "version")

    def __init__(self, value: Any, version: int) -> None:
        self.value = value
        self.version = version

    def __repr__(self) -> str:
        return f"Entry(value={self.value!r}, version={self.version})"


def _value(entry: StateEntry | None) -> Any:
    return None if entry is None else encoding.decode(entry.value)


def _entry(entry: StateEntry | None) -> Entry:
    return Entry(None, 0) if entry is None else Entry(encoding.decode(entry.value), entry.version)


def _changes(written: StateWritten | None) -> dict[str, Any] | None:
    if written is None:
        return None
    return {"old_value": written.old, "new_value": written.new, "version": written.version}


def _or_none(written: StateWritten | None) -> StateWritten:
    return written if written is not None else StateWritten(None, None, 0)
