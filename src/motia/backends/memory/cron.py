"""Ticks: each is stored at most once over all nodes."""

from __future__ import annotations

from dataclasses import replace

from motia.backends.memory.queue import enqueue, of_queue
from motia.backends.memory.transaction import Transaction
from motia.core import batch as ops


def fire(transaction: Transaction, operation: ops.Fire) -> bool:
    fired_at_ms = transaction.store.schedules.get(operation.key)
    if fired_at_ms is not None and operation.at_ms <= fired_at_ms:
        return False
    transaction.journal.put(transaction.store.schedules, operation.key, operation.at_ms)
    if operation.only_if_idle and of_queue(transaction, operation.message.queue):
        return False
    # Fire has no way to hand a claim over, so it never makes one.
    enqueue(transaction, ops.Enqueue(replace(operation.message, claim_for=None)))
    return True
