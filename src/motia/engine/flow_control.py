"""What a node asks of the store for its queues, by their policies. Pure."""

from __future__ import annotations

from motia.core.batch import WantedQueue
from motia.core.flow import RateWindow
from motia.core.registry import QueueEntry


def wanted_of(entry: QueueEntry, room: int, held: int, concurrency: int) -> WantedQueue:
    """How much of one queue to take, and within which limits.

    Of a queue with priorities no more than the node can start soon: a message that is held here could not
    be overtaken by a more urgent one.
    """
    policy = entry.policy
    by_key, rate = policy.concurrency_by_key, policy.rate_limit
    if policy.priority is not None:
        room = min(room, concurrency - held)
    return WantedQueue(
        entry.name,
        room,
        # A run of a bundle counts once, as the author sees it.
        policy.concurrency
        if policy.concurrency is None or policy.batch is None
        else policy.concurrency * policy.batch.size,
        None if by_key is None else by_key.limit,
        None
        if rate is None
        else RateWindow(limit=rate.limit, period_ms=round(rate.period_s * 1000), keyed=rate.key is not None),
    )
