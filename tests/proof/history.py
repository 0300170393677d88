"""The total-queue checker: what a history of sends, runs and outcomes says about a queue. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Verdict:
    """How many messages each way. A sound queue has no lost, no unexpected, no twice."""

    acknowledged: int
    lost: frozenset[str]
    """Acknowledged, and without an outcome."""
    unexpected: frozenset[str]
    """An outcome of what nobody tried to send."""
    recovered: frozenset[str]
    """Never acknowledged, and done all the same: the answer was lost, not the message."""
    twice: frozenset[str]
    """More than one outcome was recorded."""
    repeated: int
    """Runs beyond the first: at-least-once at work."""

    @property
    def sound(self) -> bool:
        return not (self.lost or self.unexpected or self.twice)


def check(
    tried: Iterable[str], acknowledged: Iterable[str], runs: Iterable[str], outcomes: Mapping[str, int]
) -> Verdict:
    """Compare what was sent with what came out. `outcomes` counts the recorded ones of each message."""
    tried, acknowledged = set(tried), set(acknowledged)
    repeated = sum(count - 1 for count in Counter(runs).values())
    return Verdict(
        acknowledged=len(acknowledged),
        lost=frozenset(acknowledged - outcomes.keys()),
        unexpected=frozenset(outcomes.keys() - tried),
        recovered=frozenset((outcomes.keys() & tried) - acknowledged),
        twice=frozenset(name for name, count in outcomes.items() if count > 1),
        repeated=repeated,
    )
