"""Limits: which waiting messages may be taken, and which new ones as they are stored."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Literal

from motia.backends.memory.store import Rate, Standing
from motia.backends.memory.transaction import Transaction
from motia.core.flow import NO_LIMITS, Flow
from motia.core.flow import Limits as LimitsOfQueue
from motia.core.message import NewMessage, QueueName
from motia.queue.rate import Starts, free_starts, next_free_ms, note_starts


class Limits:
    """The limits of one queue for one claim."""

    def __init__(
        self, transaction: Transaction, queue: QueueName, limits: LimitsOfQueue, now_ms: int
    ) -> None:
        self._transaction = transaction
        self._queue = queue
        self._limits = limits
        self._now_ms = now_ms
        self._claimed = Counter(
            delivery.flow.concurrency_key
            for delivery in transaction.store.deliveries.get(queue, {}).values()
            if delivery.standing is Standing.CLAIMED
        )
        self._rates: dict[str, Starts] = {}

    @property
    def free(self) -> int | None:
        """How many more the queue may have claimed; None = any number."""
        most = self._limits.concurrency
        return None if most is None else most - self._claimed.total()

    def refuses(self, flow: Flow) -> Literal["key", "rate"] | None:
        """What keeps such a message back now; None = it may be taken, and counts from now on."""
        key = flow.concurrency_key
        most = self._limits.key_concurrency
        limited = most is not None and key is not None
        if limited and self._claimed[key] >= (most or 0):
            return "key"
        if not self._rate_allows(flow):
            return "rate"
        self._claimed[key] += 1
        return None

    def _rate_allows(self, flow: Flow) -> bool:
        rate = self._limits.rate
        if rate is None:
            return True
        key = flow.rate_key if rate.keyed else ""
        if key is None:
            return True
        if key not in self._rates:
            known = self._transaction.store.rates.get((self._queue, key))
            self._rates[key] = [] if known is None else [[*start] for start in known.starts]
        starts = self._rates[key]
        if not free_starts(starts, rate.limit, rate.period_ms, self._now_ms):
            return False
        note_starts(starts, 1, rate.limit, rate.period_ms, self._now_ms)
        return True

    def keep(self) -> None:
        """Remember what was taken, for the claims that come after."""
        rate = self._limits.rate
        for key, starts in self._rates.items():
            assert rate is not None
            full = not free_starts(starts, rate.limit, rate.period_ms, self._now_ms)
            kept = Rate(rate, starts, next_free_ms(starts, rate.period_ms) if full else None)
            store = self._transaction.store
            self._transaction.journal.put(store.rates, (self._queue, key), kept)


def standing_within_limits(transaction: Transaction, message: NewMessage, flow: Flow) -> Standing:
    """Where a new message stands that is to be claimed, and before which none is ready."""
    limits = Limits(transaction, message.queue, message.limits or NO_LIMITS, message.enqueued_at_ms)
    waiting = [
        delivery
        for delivery in transaction.store.in_order([message.queue])
        if delivery.standing is Standing.LIMITED
    ]
    if limits.free is not None and limits.free <= 0:
        return Standing.READY
    if any(limits.refuses(delivery.flow) is None for delivery in waiting):
        # Its key has room by now: it goes first.
        return Standing.READY
    refused = limits.refuses(flow)
    if refused is None:
        limits.keep()
        return Standing.CLAIMED
    # Whoever leaves the place of a key lets the next in; that a rate has room nobody tells.
    return Standing.LIMITED if refused == "key" else Standing.READY


def wake_rates(transaction: Transaction, now_ms: int) -> int:
    """Keys whose rate has room again; their number."""
    store = transaction.store
    woken = [
        (slot, rate)
        for slot, rate in store.rates.items()
        if rate.wake_at_ms is not None and rate.wake_at_ms <= now_ms
    ]
    for slot, rate in woken:
        transaction.journal.put(store.rates, slot, replace(rate, wake_at_ms=None))
        transaction.made_ready = True
    return len(woken)
