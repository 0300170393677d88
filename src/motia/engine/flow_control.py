"""What a node asks of the store for its queues, by their policies. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from motia.core.batch import WantedQueue
from motia.core.flow import NO_LIMITS
from motia.core.message import Claim
from motia.core.registry import QueueEntry


def wanted_of(entries: Collection[QueueEntry], *, room: int, places: int) -> list[WantedQueue]:
    """How much of each queue to take, and within which limits, for a node that can hold `room` messages and
    start `places` of them at once. Queues whose messages start when they are claimed share the places."""
    sharing = sum(entry.policy.starts_when_claimed for entry in entries)
    share = min(room, -(-places // sharing)) if sharing else 0
    return [
        WantedQueue(
            entry.name,
            share if entry.policy.starts_when_claimed else room,
            entry.policy.limits or NO_LIMITS,
        )
        for entry in entries
    ]


def short_of_places(wanted: Sequence[WantedQueue], room: int, claims: Sequence[Claim]) -> bool:
    """Whether some queue may have had more than its share of the places."""
    shares = [want for want in wanted if want.limit < room]
    if not shares:
        return False
    taken = Counter(claim.queue for claim in claims)
    return any(taken[want.queue] >= want.limit for want in shares)
