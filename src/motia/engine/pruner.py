"""Keeps storage small: expired state and messages, dead letters and told changes past their retention."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from motia.core.batch import Batch, Expire, ExpireMessages, PurgeDead, TrimChanges
from motia.core.clock import Timer
from motia.engine.interventions import tell_ended
from motia.errors import BackendError

if TYPE_CHECKING:
    from motia.engine.engine import Engine

_LOOK_S = 60.0
_BATCH = 1000
_DAY_MS = 86_400_000


class Pruner:
    """A `Service`. Deletes in small batches, so that nobody waits for it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._timer: Timer | None = None
        self._work: asyncio.Task[None] | None = None
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

    def _begin(self) -> None:
        if not self._stopped:
            self._work = asyncio.ensure_future(self._prune())

    async def _prune(self) -> None:
        engine = self._engine
        try:
            more = True
            while more and not self._stopped:
                now_ms = engine.clock.now_ms()
                kept_ms = round(engine.settings.queue.dead_letter_days * _DAY_MS)
                streams = engine.settings.streams
                told_ms = now_ms - round(streams.keep_changes_s * 1000)
                *counts, late = await engine.backend.commit(
                    Batch(
                        (
                            Expire(now_ms, _BATCH),
                            PurgeDead(died_before_ms=now_ms - kept_ms, limit=_BATCH),
                            TrimChanges(told_ms, streams.keep_changes, _BATCH),
                            ExpireMessages(now_ms, _BATCH),
                        )
                    )
                )
                for one in late:
                    tell_ended(engine, one, "expired")
                if late:
                    engine.report(f"{len(late)} messages expired before they could start")
                more = any(count >= _BATCH for count in (*counts, len(late)))
        except BackendError as error:
            engine.report(f"deleting what has expired failed: {error}")
        finally:
            self._work = None
        if not self._stopped:
            self._timer = engine.clock.call_later(_LOOK_S, self._begin)
