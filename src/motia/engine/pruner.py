"""Keeps storage small: expired state and messages, dead letters and told changes past their retention."""

from __future__ import annotations

from motia.core.batch import Batch, Expire, ExpireMessages, PruneRuns, PurgeDead, TrimChanges
from motia.engine.interventions import tell_ended
from motia.engine.periodic import Periodic

_BATCH = 1000
_DAY_MS = 86_400_000


class Pruner(Periodic):
    """Deletes in small batches, so that nobody waits for it."""

    task = "deleting what has expired"
    every_s = 60.0

    async def look(self) -> None:
        engine = self._engine
        more = True
        while more and not self._stopped:
            now_ms = engine.clock.now_ms()
            kept_ms = round(engine.settings.queue.dead_letter_days * _DAY_MS)
            runs_kept_ms = round(engine.settings.workflow.keep_days * _DAY_MS)
            streams = engine.settings.streams
            told_ms = now_ms - round(streams.keep_changes_s * 1000)
            *counts, late = await engine.backend.commit(
                Batch(
                    (
                        Expire(now_ms, _BATCH),
                        PurgeDead(died_before_ms=now_ms - kept_ms, limit=_BATCH),
                        TrimChanges(told_ms, streams.keep_changes, _BATCH),
                        PruneRuns(now_ms - runs_kept_ms, now_ms, _BATCH),
                        ExpireMessages(now_ms, _BATCH),
                    )
                )
            )
            for one in late:
                tell_ended(engine, one, "expired")
            engine.telling.expired(late)
            more = any(count >= _BATCH for count in (*counts, len(late)))
