"""What an operator does to messages and queues: cancel, move, pause, resume."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from motia.backends.memory.queue import put, take_out
from motia.backends.memory.queue_bulks import ended_early
from motia.backends.memory.store import Delivery, Standing
from motia.backends.memory.transaction import Transaction
from motia.core import batch as ops


def cancel(transaction: Transaction, operation: ops.CancelMessages) -> list[ops.Ended]:
    if operation.ids is None and operation.queue is None and operation.bulk is None:
        return []

    def chosen(delivery: Delivery) -> bool:
        return (
            (operation.ids is None or delivery.id in operation.ids)
            and operation.queue in (None, delivery.queue)
            and operation.bulk in (None, delivery.flow.bulk)
        )

    return _end(transaction, chosen, operation.limit)


def expire_messages(transaction: Transaction, operation: ops.ExpireMessages) -> list[ops.Ended]:
    def chosen(delivery: Delivery) -> bool:
        expires_at_ms = delivery.flow.expires_at_ms
        waits = delivery.standing is not Standing.CLAIMED
        return waits and expires_at_ms is not None and expires_at_ms <= operation.now_ms

    return _end(transaction, chosen, operation.limit)


def _end(transaction: Transaction, chosen: Callable[[Delivery], bool], limit: int) -> list[ops.Ended]:
    store = transaction.store
    found = [delivery for delivery in store.in_order(store.deliveries) if chosen(delivery)]
    ended = []
    for delivery in sorted(found, key=lambda delivery: delivery.seq)[:limit]:
        node = delivery.holder if delivery.standing is Standing.CLAIMED else None
        if node is not None and node in store.nodes:
            transaction.journal.put(store.cancellations, (node, delivery.seq), delivery.id)
        take_out(transaction, delivery)
        ended_early(transaction, delivery.flow.bulk)
        ended.append(ops.Ended(delivery.id, delivery.queue, delivery.trace, node))
    transaction.made_ready = transaction.made_ready or bool(ended)
    return ended


def cancellations_seen(transaction: Transaction, operation: ops.CancellationsSeen) -> None:
    for seq in operation.seqs:
        if (operation.node, seq) in transaction.store.cancellations:
            transaction.journal.remove(transaction.store.cancellations, (operation.node, seq))


def move(transaction: Transaction, operation: ops.MoveMessages) -> int:
    store = transaction.store
    found = [
        delivery
        for delivery in store.in_order(store.deliveries)
        if delivery.id in operation.ids
        and operation.queue in (None, delivery.queue)
        and delivery.standing is not Standing.CLAIMED
    ]
    due_at_ms = operation.due_at_ms
    for delivery in found:
        standing = delivery.standing
        if standing is not Standing.BLOCKED:
            standing = Standing.READY if due_at_ms is None else Standing.SCHEDULED
        put(transaction, replace(delivery, standing=standing, due_at_ms=due_at_ms))
    transaction.made_ready = transaction.made_ready or bool(found)
    return len(found)


def pause(transaction: Transaction, operation: ops.PauseQueues) -> None:
    pauses, name = transaction.store.pauses, (operation.topic, operation.step)
    if name not in pauses:
        transaction.journal.put(pauses, name, operation.now_ms)


def resume(transaction: Transaction, operation: ops.ResumeQueues) -> int:
    pauses, name = transaction.store.pauses, (operation.topic, operation.step)
    names = list(pauses) if operation.everything else [name] if name in pauses else []
    for paused in names:
        transaction.journal.remove(pauses, paused)
    transaction.made_ready = transaction.made_ready or bool(names)
    return len(names)
