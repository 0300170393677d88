"""Gives back messages that this node holds by the store, and knows nothing of."""

from __future__ import annotations

from motia.core.batch import Batch, Unclaim
from motia.core.wording import counted
from motia.engine.periodic import Periodic


class LostClaims(Periodic):
    """A commit whose answer was lost may have claimed messages: nobody would run them until the node dies.

    A claim that is unknown in two looks in a row is no answer on its way.
    """

    task = "looking for claims that got lost"
    every_s = 5.0

    _unknown: frozenset[tuple[int, int]] = frozenset()
    """Of the look before: seq and token."""

    async def look(self) -> None:
        engine = self._engine
        # Read in this order: what was claimed since is known by then.
        held = await engine.backend.queue.claims_of(engine.node_id)
        known = engine.consumer.known_claims()
        unknown = [claim for claim in held if (claim.seq, claim.token) not in known]
        lost = [claim for claim in unknown if (claim.seq, claim.token) in self._unknown]
        self._unknown = frozenset((claim.seq, claim.token) for claim in unknown)
        if lost:
            (count,) = await engine.backend.commit(Batch((Unclaim(lost),)))
            engine.report(
                f"{counted(count, 'message')} given back that storage had claimed for this node"
                " without telling it"
            )
