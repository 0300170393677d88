"""Bundles the messages of queues whose handlers take several at once."""

from __future__ import annotations

from collections.abc import Callable

from motia.core.clock import Clock, Timer
from motia.core.flow import Batching
from motia.core.message import Claim, QueueName


class Batches:
    """Gathers claims of a queue until there are enough, or the first has waited long enough.

    A message that failed or crashed before runs alone: what was wrong with its bundle is not the others'
    fault twice.
    """

    def __init__(self, clock: Clock, ready: Callable[[Claim], None]) -> None:
        self._clock = clock
        self._ready = ready
        self._gathering: dict[QueueName, list[Claim]] = {}
        self._timers: dict[QueueName, Timer] = {}

    def add(self, claim: Claim, batching: Batching) -> None:
        """Take a claim; `ready` is called with one that carries its bundle, now or later."""
        if claim.attempt > 1 or claim.suspect or batching.size == 1:
            self._ready(claim)
            return
        gathered = self._gathering.setdefault(claim.queue, [])
        gathered.append(claim)
        if len(gathered) >= batching.size:
            self._close(claim.queue)
        elif len(gathered) == 1:
            self._timers[claim.queue] = self._clock.call_later(
                batching.wait_s, lambda: self._close(claim.queue)
            )

    def _close(self, queue: QueueName) -> None:
        self._timers.pop(queue).cancel()
        now_ms = self._clock.now_ms()
        gathered = self._gathering.pop(queue)
        expired = [one for one in gathered if one.expires_at_ms is not None and one.expires_at_ms <= now_ms]
        in_time = [one for one in gathered if one not in expired]
        for one in expired:
            self._ready(one)
        if in_time:
            in_time[0].bundle = tuple(in_time[1:])
            self._ready(in_time[0])

    def gathering(self) -> list[Claim]:
        """What waits for others to come."""
        return [claim for gathered in self._gathering.values() for claim in gathered]

    def take_all(self) -> list[Claim]:
        """What is still being gathered, for nobody to run here."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        claims = self.gathering()
        self._gathering.clear()
        return claims


def bundled(claim: Claim) -> tuple[Claim, ...]:
    """The claim and those that run with it."""
    return (claim, *claim.bundle)


def payload_of(claim: Claim) -> bytes:
    """What the handler gets: a list of the payloads."""
    return b"[" + b",".join(one.payload for one in bundled(claim)) + b"]"
