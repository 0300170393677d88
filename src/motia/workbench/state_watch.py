"""What a page that watches state is told: changes of all nodes and commands, from its position on."""

from __future__ import annotations

from typing import Any

from motia.backends.protocol import Backend
from motia.core.batch import Batch, WatchState
from motia.core.clock import Clock

_WATCH_S = 60.0
"""How long a page may be away and still be told what was changed meanwhile."""
_CHANGES = 1_000


class StateWatch:
    """One page's place in the changes of state. `position` 0 = it has none yet."""

    def __init__(self, backend: Backend, clock: Clock, position: int) -> None:
        self._backend = backend
        self._clock = clock
        self._asked_s = 0.0
        self.position = position

    async def begin(self) -> bool:
        """Have changes noted from now on; False where some may have been missed: read everything again.

        Also a page that had no position yet reads again: it began to read before the changes were noted.
        """
        before = self.position
        last = await self._ask()
        if before and await self._backend.state.changes(before, limit=1) is not None:
            return True
        self.position = last
        return False

    async def changes(self) -> list[dict[str, Any]] | None:
        """What came since the last look; None where some of it is not known."""
        if self._clock.monotonic_s() - self._asked_s >= _WATCH_S / 3:
            await self._ask()
        found = await self._backend.state.changes(self.position, limit=_CHANGES)
        if found is None:
            self.position = await self._ask()
            return None
        if found:
            self.position = found[-1].number
        return [
            {"scope": one.scope, "key": one.key, "change": one.change, "version": one.version}
            for one in found
        ]

    async def _ask(self) -> int:
        now_ms = self._clock.now_ms()
        self._asked_s = self._clock.monotonic_s()
        watch = WatchState(now_ms + round(_WATCH_S * 1000), now_ms)
        (last,) = await self._backend.commit(Batch([watch]))
        return int(last)
