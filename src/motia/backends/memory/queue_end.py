"""What an operator does to messages and queues: cancel, move, pause, resume."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from motia.backends.memory import workflow
from motia.backends.memory.queue import put, take_out
from motia.backends.memory.queue_bulks import ended_early
from motia.backends.memory.store import Delivery, Standing
from motia.backends.memory.transaction import Transaction
from motia.core import batch as ops
from motia.core.workflow import CANCELLED, RunId
from motia.workflow.mail import unanswered


def cancel(transaction: Transaction, operation: ops.CancelMessages) -> list[ops.Ended]:
    if operation.ids is None and operation.queue is None and operation.bulk is None:
        return []
    store, now_ms = transaction.store, operation.now_ms

    def chosen(delivery: Delivery) -> bool:
        return (
            (operation.ids is None or delivery.id in operation.ids)
            and operation.queue in (None, delivery.queue)
            and operation.bulk in (None, delivery.flow.bulk)
            and not (operation.undo and workflow.is_undone(store, delivery))
        )

    ended = []
    for delivery in _found(transaction, chosen, operation.limit):
        if not workflow.is_open(store, delivery):
            ended.append(_end(transaction, delivery, "cancelled", now_ms))
            continue
        called = workflow.called_by(store, RunId(delivery.id, delivery.queue.step))
        if operation.undo:
            _note_cancelled(transaction, delivery)
            workflow.begin_undo(transaction, delivery, now_ms)
            ended.append(ops.Ended(delivery.id, delivery.queue, delivery.trace, delivery.holder, undoes=True))
        else:
            run = RunId(delivery.id, delivery.queue.step)
            workflow.run_end(
                transaction, ops.RunEnd(run=run, status="cancelled", at_ms=now_ms, error=CANCELLED)
            )
            ended.append(_end(transaction, delivery, "cancelled", now_ms))
        if called:
            others = replace(operation, ids=called, queue=None, bulk=None, limit=len(called))
            ended += cancel(transaction, others)
    return ended


def expire_messages(transaction: Transaction, operation: ops.ExpireMessages) -> list[ops.Ended]:
    def chosen(delivery: Delivery) -> bool:
        expires_at_ms = delivery.flow.expires_at_ms
        waits = delivery.standing is not Standing.CLAIMED
        return waits and expires_at_ms is not None and expires_at_ms <= operation.now_ms

    found = _found(transaction, chosen, operation.limit)
    return [_end(transaction, delivery, "expired", operation.now_ms) for delivery in found]


def _found(transaction: Transaction, chosen: Callable[[Delivery], bool], limit: int) -> list[Delivery]:
    store = transaction.store
    found = [delivery for delivery in store.in_order(store.deliveries) if chosen(delivery)]
    return sorted(found, key=lambda delivery: delivery.seq)[:limit]


def _end(transaction: Transaction, delivery: Delivery, how: str, now_ms: int) -> ops.Ended:
    _note_cancelled(transaction, delivery)
    take_out(transaction, delivery)
    ended_early(transaction, delivery.flow.bulk)
    transaction.made_ready = True
    mail = unanswered(delivery.id, delivery.attributes, how, now_ms)
    if mail is not None:
        workflow.post(transaction, ops.Post(mail))
    return ops.Ended(delivery.id, delivery.queue, delivery.trace, delivery.holder)


def _note_cancelled(transaction: Transaction, delivery: Delivery) -> None:
    """Who holds it learns that it does no more."""
    if delivery.holder is not None and delivery.holder in transaction.store.nodes:
        claim = (delivery.holder, delivery.seq, delivery.token)
        transaction.journal.put(transaction.store.cancellations, claim, None)


def cancellations_seen(transaction: Transaction, operation: ops.CancellationsSeen) -> None:
    for seq, token in operation.claims:
        if (operation.node, seq, token) in transaction.store.cancellations:
            transaction.journal.remove(transaction.store.cancellations, (operation.node, seq, token))


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
