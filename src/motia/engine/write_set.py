"""What `atomic` keeps back until its block ends: a buffer of writes that reads inside the block see."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from motia import encoding
from motia.core.batch import Guard, Operation, StateClear, StateDelete, StatePut, StateUpdate, StateVersion
from motia.core.calls import StateWritten
from motia.core.state import StateEntry
from motia.core.update import UpdateOperation, apply_update
from motia.engine.stream_calls import StreamBuffer
from motia.engine.turns import Turns

if TYPE_CHECKING:
    from motia.engine.engine import Engine

Place = tuple[str, str]


class WriteSet:
    """Writes kept back by `atomic`, and the keys that were read meanwhile."""

    def __init__(self, settle: bool) -> None:
        self.settle = settle
        self._turns = Turns()
        self.operations: list[Operation] = []
        self.guards: list[Guard] = []
        self._seen: dict[Place, StateEntry | None] = {}
        self._later: dict[Place, list[UpdateOperation]] = {}
        """Updates that no read has asked for: the commit applies them to whatever it finds."""
        self._cleared: set[str] = set()
        self.streams = StreamBuffer(self._turns, self.guards)

    def get(self, engine: Engine, scope: str, key: str) -> Coroutine[Any, Any, StateEntry | None]:
        """What the key would hold; a first read of the store becomes a guard."""
        return self._turns.take(lambda: self._get(engine, scope, key))

    async def _get(self, engine: Engine, scope: str, key: str) -> StateEntry | None:
        place = (scope, key)
        if place not in self._seen:
            entry = None
            if scope not in self._cleared:
                now_ms = engine.clock.now_ms()
                entry = await engine.backend.state.get(scope, key, now_ms)
                self.guards.append(StateVersion(scope, key, entry.version if entry else 0, now_ms))
            self._seen[place] = entry
        return self._updated(place)

    def _updated(self, place: Place) -> StateEntry | None:
        """What was seen at the place, with the updates of this block."""
        entry = self._seen[place]
        operations = self._later.get(place)
        if operations is not None:
            after = apply_update(None if entry is None else encoding.decode(entry.value), operations)
            entry = None if after is None else StateEntry(place[1], encoding.encode(after), 0)
            self._seen[place] = entry
            del self._later[place]
        return entry

    def entries(self, engine: Engine, scope: str) -> Coroutine[Any, Any, list[StateEntry]]:
        """What the keys of the scope would hold, by key."""
        return self._turns.take(lambda: self._entries(engine, scope))

    async def _entries(self, engine: Engine, scope: str) -> list[StateEntry]:
        stored: dict[str, StateEntry | None] = {}
        if scope not in self._cleared:
            found = await engine.backend.state.entries(scope, engine.clock.now_ms())
            stored = {entry.key: entry for entry in found}
        for place in [place for place in self._later if place[0] == scope]:
            self._seen.setdefault(place, stored.get(place[1]))
            self._updated(place)
        for (seen_scope, key), entry in self._seen.items():
            if seen_scope == scope:
                stored[key] = entry
        return [entry for _, entry in sorted(stored.items()) if entry is not None]

    def note(self, operation: Operation) -> bool:
        """Remember what the write leaves, for the reads that follow; False where `note_in_turn` must."""
        if not self._turns.free or isinstance(operation, StateDelete):
            return False
        self._note(operation)
        return True

    def note_in_turn(self, engine: Engine, operation: Operation) -> Coroutine[Any, Any, StateWritten | None]:
        """As `note`, after what was called before."""

        async def work() -> StateWritten | None:
            if isinstance(operation, StateDelete):
                return await self._delete(engine, (operation.scope, operation.key))
            self._note(operation)
            return None

        return self._turns.take(work)

    def _note(self, operation: Operation) -> None:
        if isinstance(operation, StateClear):
            scope = operation.scope
            self._cleared.add(scope)
            self._seen = {place: entry for place, entry in self._seen.items() if place[0] != scope}
            self._later = {place: updates for place, updates in self._later.items() if place[0] != scope}
        elif isinstance(operation, StatePut):
            place = (operation.scope, operation.key)
            self._seen[place] = StateEntry(operation.key, operation.value, 0)
            self._later.pop(place, None)
        else:
            assert isinstance(operation, StateUpdate)
            self._later.setdefault((operation.scope, operation.key), []).extend(operation.operations)

    async def _delete(self, engine: Engine, place: Place) -> StateWritten:
        """A delete tells what it took away. No guard: the commit deletes whatever it finds."""
        if place not in self._seen:
            found = None
            if place[0] not in self._cleared:
                found = await engine.backend.state.get(*place, engine.clock.now_ms())
            self._seen[place] = found
        before = self._updated(place)
        self._seen[place] = None
        return StateWritten(None if before is None else encoding.decode(before.value), None, 0)
