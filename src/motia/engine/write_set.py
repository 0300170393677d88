"""What `atomic` keeps back until its block ends: a buffer of writes that reads inside the block see."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from motia import encoding
from motia.core.batch import Guard, Operation, StateDelete, StatePut, StateVersion
from motia.core.calls import StateWrite, StateWritten
from motia.core.state import StateEntry
from motia.core.update import apply_update
from motia.engine.stream_calls import StreamBuffer

if TYPE_CHECKING:
    from motia.engine.engine import Engine


class WriteSet:
    """Writes kept back by `atomic`, and the keys that were read meanwhile."""

    def __init__(self, settle: bool) -> None:
        self.settle = settle
        self._turn = asyncio.Lock()
        """Reads and writes take effect in the order of the calls, awaited or not."""
        self.operations: list[Operation] = []
        self.guards: list[Guard] = []
        self._seen: dict[tuple[str, str], StateEntry | None] = {}
        self._cleared: set[str] = set()
        self.streams = StreamBuffer(self._turn, self.guards)

    async def get(self, engine: Engine, scope: str, key: str) -> StateEntry | None:
        """What the key would hold; a first read of the store becomes a guard."""
        async with self._turn:
            return await self._get(engine, scope, key)

    async def _get(self, engine: Engine, scope: str, key: str) -> StateEntry | None:
        if (scope, key) in self._seen:
            return self._seen[scope, key]
        if scope in self._cleared:
            return None
        now_ms = engine.clock.now_ms()
        entry = await engine.backend.state.get(scope, key, now_ms)
        self.guards.append(StateVersion(scope, key, entry.version if entry else 0, now_ms))
        self._seen[scope, key] = entry
        return entry

    async def entries(self, engine: Engine, scope: str) -> list[StateEntry]:
        async with self._turn:
            return await self._entries(engine, scope)

    async def _entries(self, engine: Engine, scope: str) -> list[StateEntry]:
        stored: dict[str, StateEntry | None] = {}
        if scope not in self._cleared:
            found = await engine.backend.state.entries(scope, engine.clock.now_ms())
            stored = {entry.key: entry for entry in found}
        for (seen_scope, key), entry in self._seen.items():
            if seen_scope == scope:
                stored[key] = entry
        return [entry for _, entry in sorted(stored.items()) if entry is not None]

    async def note(self, engine: Engine, write: StateWrite, operation: Operation) -> StateWritten | None:
        """Remember what the write leaves, for the reads that follow."""
        async with self._turn:
            return await self._note(engine, write, operation)

    async def _note(self, engine: Engine, write: StateWrite, operation: Operation) -> StateWritten | None:
        if write.kind == "clear":
            self._cleared.add(write.scope)
            self._seen = {at: entry for at, entry in self._seen.items() if at[0] != write.scope}
            return None
        place = (write.scope, write.key)
        if isinstance(operation, StatePut):
            self._seen[place] = StateEntry(write.key, operation.value, 0)
            return None
        before = await self._peek(engine, *place)
        if isinstance(operation, StateDelete):
            self._seen[place] = None
            return StateWritten(before, None, 0)
        after = apply_update(before, write.operations)
        self._seen[place] = None if after is None else StateEntry(write.key, encoding.encode(after), 0)
        return None

    async def _peek(self, engine: Engine, scope: str, key: str) -> Any:
        """Like `get` without a guard: an update is applied to whatever the commit finds."""
        if (scope, key) in self._seen:
            entry = self._seen[scope, key]
        elif scope in self._cleared:
            entry = None
        else:
            entry = await engine.backend.state.get(scope, key, engine.clock.now_ms())
        return None if entry is None else encoding.decode(entry.value)
