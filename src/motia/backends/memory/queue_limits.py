"""Limits per key: which waiting messages may be taken."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Literal

from motia.backends.memory.queue import of_queue
from motia.backends.memory.store import Delivery, Rate, Standing
from motia.backends.memory.transaction import Transaction
from motia.core import batch as ops
from motia.queue.rate import Starts, free_starts, next_free_ms, note_starts


class Limits:
    """The limits of one queue for one claim."""

    def __init__(self, transaction: Transaction, want: ops.WantedQueue, now_ms: int) -> None:
        self._transaction = transaction
        self._want = want
        self._now_ms = now_ms
        self._claimed = Counter(
            delivery.flow.concurrency_key
            for delivery in of_queue(transaction, want.queue).values()
            if delivery.standing is Standing.CLAIMED
        )
        self._rates: dict[str, Starts] = {}

    def refuses(self, delivery: Delivery) -> Literal["key", "rate"] | None:
        """What keeps the message back now; None = it may be taken, and counts from now on."""
        key = delivery.flow.concurrency_key
        most = self._want.key_concurrency
        limited = most is not None and key is not None
        if limited and self._claimed[key] >= (most or 0):
            return "key"
        if not self._rate_allows(delivery):
            return "rate"
        self._claimed[key] += 1
        return None

    def _rate_allows(self, delivery: Delivery) -> bool:
        rate = self._want.rate
        if rate is None:
            return True
        key = delivery.flow.rate_key if rate.keyed else ""
        if key is None:
            return True
        if key not in self._rates:
            known = self._transaction.store.rates.get((self._want.queue, key))
            self._rates[key] = [] if known is None else [[*start] for start in known.starts]
        starts = self._rates[key]
        if not free_starts(starts, rate.limit, rate.period_ms, self._now_ms):
            return False
        note_starts(starts, 1, rate.limit, rate.period_ms, self._now_ms)
        return True

    def keep(self) -> None:
        """Remember what was taken, for the claims that come after."""
        rate = self._want.rate
        for key, starts in self._rates.items():
            assert rate is not None
            full = not free_starts(starts, rate.limit, rate.period_ms, self._now_ms)
            kept = Rate(rate, starts, next_free_ms(starts, rate.period_ms) if full else None)
            store = self._transaction.store
            self._transaction.journal.put(store.rates, (self._want.queue, key), kept)


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
