"""Makes scheduled messages ready when their time comes: delays, retries, points in time."""

from __future__ import annotations

from motia.core.batch import Batch, PromoteDue
from motia.engine.periodic import Periodic

_BATCH = 1000
_GATHER_S = 0.01
"""Where messages become due one after the other: how long the next ones gather."""


class Promoter(Periodic):
    """Sleeps until the nearest due time it knows of, never longer than a second: another node may have
    scheduled something sooner, or the clock was set. `look_in` tells it of a nearer one."""

    task = "looking for scheduled messages"
    every_s = 1.0

    async def look(self) -> float | None:
        engine = self._engine
        least_s = 0.001
        due_at_ms = await engine.backend.queue.next_due_at_ms()
        now_ms = engine.clock.now_ms()
        if due_at_ms is not None and due_at_ms <= now_ms:
            (count,) = await engine.backend.commit(Batch((PromoteDue(now_ms, _BATCH),)))
            if count:
                engine.consumer.wake()
            due_at_ms = await engine.backend.queue.next_due_at_ms()
            least_s = _GATHER_S
        return None if due_at_ms is None else max((due_at_ms - engine.clock.now_ms()) / 1000, least_s)
