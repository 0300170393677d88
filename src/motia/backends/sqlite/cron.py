"""Ticks: each is stored at most once over all nodes."""

from __future__ import annotations

from dataclasses import replace

from motia.backends.sqlite.queue import enqueue
from motia.backends.sqlite.transaction import Transaction
from motia.core import batch as ops


def fire(transaction: Transaction, operation: ops.Fire) -> bool:
    transaction.execute(
        "INSERT INTO schedules (key, fired_at) VALUES (?, ?) ON CONFLICT (key)"
        " DO UPDATE SET fired_at = excluded.fired_at WHERE excluded.fired_at > fired_at",
        (operation.key, operation.at_ms),
    )
    if not transaction.connection.changes():
        return False
    if operation.only_if_idle:
        queue = transaction.known_queue_id(operation.message.queue)
        busy = transaction.execute("SELECT 1 FROM deliveries WHERE queue = ? LIMIT 1", (queue,)).fetchone()
        if busy:
            return False
    # Fire has no way to hand a claim over, so it never makes one.
    enqueue(transaction, ops.Enqueue(replace(operation.message, claim_for=None)))
    return True
