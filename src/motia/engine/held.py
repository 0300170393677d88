"""What this node has claimed and not started, and what of it starts next."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from motia.core.message import Claim, QueueName
from motia.engine.batches import Batches, bundled
from motia.engine.suspects import Suspects

if TYPE_CHECKING:
    from motia.engine.engine import Engine


class Held:
    """Suspects and what gathers in bundles are held elsewhere, and counted and given back from here."""

    def __init__(self, engine: Engine, suspects: Suspects, more: Callable[[], None]) -> None:
        """`more` is called when a bundle is complete."""
        self._engine = engine
        self._suspects = suspects
        self._more = more
        self._batches = Batches(engine.clock, self._complete)
        self.first: deque[Claim] = deque()
        """Those that start when they are claimed: before others, whatever queue's turn it is."""
        self.in_turn: dict[QueueName, deque[Claim]] = {}
        """The others. The queue whose turn it is comes first."""
        self.count = 0
        self.size_bytes = 0

    def add(self, claim: Claim) -> None:
        """Take a claim. One that completes a bundle is started before this returns, if it can be."""
        self.count += 1
        self.size_bytes += len(claim.payload)
        if claim.suspect:
            self._suspects.hold(claim)
            return
        entry = self._engine.registry.queues.get(claim.queue)
        if entry is not None and entry.policy.batch is not None:
            self._batches.add(claim, entry.policy.batch)
        elif entry is not None and entry.policy.starts_when_claimed:
            self.first.append(claim)
        else:
            self.in_turn.setdefault(claim.queue, deque()).append(claim)

    def take_suspect(self) -> Claim:
        claim = self._suspects.take()
        self.count -= 1
        self.size_bytes -= len(claim.payload)
        return claim

    def take(self, *, first: bool) -> Claim:
        """One of `first`, or the oldest of the queue whose turn it is, with its bundle."""
        if first:
            claim = self.first.popleft()
        else:
            queue, claims = next(iter(self.in_turn.items()))
            claim = claims.popleft()
            if not claims:
                del self.in_turn[queue]
            elif len(self.in_turn) > 1:
                # To the end of the round: the other queues come first.
                self.in_turn[queue] = self.in_turn.pop(queue)
        for one in (claim, *claim.bundle):
            self.count -= 1
            self.size_bytes -= len(one.payload)
        return claim

    def all(self) -> list[Claim]:
        """The members of bundles one by one."""
        in_turn = [one for claims in self.in_turn.values() for claim in claims for one in bundled(claim)]
        return [*self._suspects.held, *self.first, *in_turn, *self._batches.gathering()]

    def take_all(self) -> list[Claim]:
        """All of it, for nobody to run here."""
        claims = self.all()
        self._suspects.give_back()
        self._batches.take_all()
        self.first.clear()
        self.in_turn.clear()
        self.count = self.size_bytes = 0
        return claims

    def take_out(self, wanted: Callable[[Claim], bool]) -> list[Claim]:
        """Some of it, for nobody to run here. Bundles are made anew."""
        if not any(wanted(claim) for claim in self.all()):
            return []
        claims = self.take_all()
        for claim in claims:
            claim.bundle = ()
            if not wanted(claim):
                self.add(claim)
        return [claim for claim in claims if wanted(claim)]

    def _complete(self, claim: Claim) -> None:
        self.in_turn.setdefault(claim.queue, deque()).append(claim)
        self._more()
