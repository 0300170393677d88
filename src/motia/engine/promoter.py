"""Makes scheduled messages ready when their time comes: delays, retries, points in time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from motia.core.batch import Batch, PromoteDue
from motia.core.clock import Timer

if TYPE_CHECKING:
    from motia.engine.engine import Engine

_LOOK_S = 1.0
"""The longest it sleeps: another node may have scheduled something sooner, or the clock was set."""
_BATCH = 1000


class Promoter:
    """A `Service`. It sleeps until the nearest due time it knows of, never longer than a second."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._timer: Timer | None = None
        self._work: asyncio.Task[None] | None = None
        self._wakes_at_s = float("inf")
        self._again = False
        self._stopped = True

    async def start(self) -> None:
        if self._stopped:
            self._stopped = False
            self._begin()

    async def stop(self) -> None:
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
        if self._work is not None:
            await asyncio.wait([self._work])

    def due_in(self, delay_s: float) -> None:
        """Something becomes due then: wake in time for it."""
        if not self._stopped and self._engine.clock.monotonic_s() + delay_s < self._wakes_at_s:
            self._sleep(delay_s)

    def _sleep(self, delay_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._wakes_at_s = self._engine.clock.monotonic_s() + delay_s
        self._timer = self._engine.clock.call_later(delay_s, self._begin)

    def _begin(self) -> None:
        self._wakes_at_s = float("inf")
        if self._stopped:
            return
        if self._work is not None:
            self._again = True
            return
        self._work = asyncio.ensure_future(self._promote())

    async def _promote(self) -> None:
        engine = self._engine
        wait_s = _LOOK_S
        try:
            due_at_ms = await engine.backend.queue.next_due_at_ms()
            now_ms = engine.clock.now_ms()
            if due_at_ms is not None and due_at_ms <= now_ms:
                (count,) = await engine.backend.commit(Batch((PromoteDue(now_ms, _BATCH),)))
                if count:
                    engine.consumer.wake()
                due_at_ms = await engine.backend.queue.next_due_at_ms()
            if due_at_ms is not None:
                wait_s = min(max((due_at_ms - engine.clock.now_ms()) / 1000, 0.001), _LOOK_S)
        except Exception as error:
            # Whatever it is, the next look may succeed; without one every retry would wait for ever.
            engine.report(f"looking for scheduled messages failed: {error}")
        finally:
            self._work = None
        again, self._again = self._again, False
        self.due_in(0.0 if again else wait_s)
