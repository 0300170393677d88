"""Bulks: how many messages an `enqueue_many` stored, and how many of them ended before their time."""

from __future__ import annotations

from dataclasses import replace

from motia.backends.memory.store import Bulk
from motia.backends.memory.transaction import Transaction
from motia.core import batch as ops


def count_bulk(transaction: Transaction, operation: ops.CountBulk) -> int:
    store = transaction.store
    total = sum(one.flow.bulk == operation.bulk for one in store.in_order(store.deliveries))
    if operation.bulk not in store.bulks:
        bulk = Bulk(total, operation.now_ms, operation.expires_at_ms)
        transaction.journal.put(store.bulks, operation.bulk, bulk)
    return total


def ended_early(transaction: Transaction, bulk: bytes | None) -> None:
    """A message of this bulk was cancelled, expired, purged or replaced: it will not complete."""
    bulks = transaction.store.bulks
    if bulk is not None and bulk in bulks:
        known = bulks[bulk]
        transaction.journal.put(bulks, bulk, replace(known, cancelled=known.cancelled + 1))


def forget_bulks(transaction: Transaction, operation: ops.Expire) -> int:
    store = transaction.store
    held = {one.flow.bulk for one in store.in_order(store.deliveries)}
    over = [
        id_ for id_, bulk in store.bulks.items() if bulk.expires_at_ms <= operation.now_ms and id_ not in held
    ]
    for id_ in over[: operation.limit]:
        transaction.journal.remove(store.bulks, id_)
    return len(over[: operation.limit])
