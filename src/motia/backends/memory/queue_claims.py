"""Who runs a message: claims, what gives them back, and what makes messages ready."""

from __future__ import annotations

from dataclasses import replace

from motia.backends.memory import workflow
from motia.backends.memory.queue import bury, claim_of, is_paused, of_queue, put
from motia.backends.memory.queue_limits import Limits, wake_rates
from motia.backends.memory.store import Delivery, Standing
from motia.backends.memory.transaction import Transaction
from motia.core import batch as ops
from motia.core.message import Claim, QueueName

_WAITING = (Standing.READY, Standing.LIMITED)


def claim_ready(transaction: Transaction, operation: ops.ClaimReady) -> list[Claim]:
    if operation.max_bytes <= 0:
        return []
    wanted = [want for want in operation.wanted if want.limit > 0 and not is_paused(transaction, want.queue)]
    suspects = [
        delivery
        for want in wanted
        for delivery in of_queue(transaction, want.queue).values()
        if delivery.suspect and delivery.standing is Standing.READY
    ]
    if suspects:
        return [_claim(transaction, min(suspects, key=lambda delivery: delivery.seq), operation.node)]
    claims: list[Claim] = []
    room_bytes = operation.max_bytes
    for want in wanted:
        waiting = _waiting(transaction, want.queue)
        if not waiting:
            continue
        limits = Limits(transaction, want.queue, want.limits, operation.now_ms)
        limit = want.limit if limits.free is None else min(want.limit, limits.free)
        for delivery in sorted(waiting, key=lambda delivery: delivery.place):
            if limit <= 0 or room_bytes <= 0:
                break
            refused = limits.refuses(delivery.flow)
            if refused is None:
                claims.append(_claim(transaction, delivery, operation.node))
                limit -= 1
                room_bytes -= len(delivery.payload)
            else:
                put(
                    transaction,
                    replace(delivery, standing=Standing.LIMITED, awaits_rate=refused == "rate"),
                )
        limits.keep()
    return claims


def _waiting(transaction: Transaction, queue: QueueName) -> list[Delivery]:
    return [d for d in of_queue(transaction, queue).values() if d.standing in _WAITING]


def _claim(transaction: Transaction, delivery: Delivery, node: bytes) -> Claim:
    held = replace(delivery, standing=Standing.CLAIMED, holder=node, token=delivery.token + 1)
    put(transaction, held)
    return claim_of(held)


def unclaim(transaction: Transaction, operation: ops.Unclaim) -> int:
    returned = 0
    for claim in operation.claims:
        delivery = of_queue(transaction, claim.queue).get(claim.seq)
        if delivery is None or (delivery.token, delivery.standing) != (claim.token, Standing.CLAIMED):
            continue
        put(transaction, replace(delivery, standing=Standing.READY, holder=None))
        returned += 1
    return returned


def promote_due(transaction: Transaction, operation: ops.PromoteDue) -> int:
    due = [
        (delivery.due_at_ms, delivery.seq, delivery)
        for delivery in transaction.store.in_order(transaction.store.deliveries)
        if delivery.standing is Standing.SCHEDULED
        and delivery.due_at_ms is not None
        and delivery.due_at_ms <= operation.now_ms
    ]
    chosen = sorted(due)[: operation.limit]
    for _, _, delivery in chosen:
        put(transaction, replace(delivery, standing=Standing.READY))
    return len(chosen) + wake_rates(transaction, operation.now_ms)


def register_node(transaction: Transaction, operation: ops.RegisterNode) -> None:
    transaction.journal.put(transaction.store.nodes, operation.node, (operation.pid, operation.lock_path))


def recover_node(transaction: Transaction, operation: ops.RecoverNode) -> int:
    held = [d for d in transaction.store.in_order(transaction.store.deliveries) if d.holder == operation.node]
    for delivery in held:
        ran = operation.running is None or (delivery.seq, delivery.id) in operation.running
        crashes = delivery.crashes + int(ran)
        undoing = workflow.is_undone(transaction.store, delivery)
        undoes = undoing or workflow.has_done(transaction.store, delivery)
        if ran and operation.buries(delivery.crashes, suspect=delivery.suspect, undoing=undoes):
            death = ops.Died("worker.crashed", operation.error, delivery.failures, operation.now_ms)
            bury(transaction, replace(delivery, crashes=crashes), death)
        else:
            buried = operation.buries(delivery.crashes, suspect=delivery.suspect)
            if ran and buried and not undoing:
                workflow.begin_undo(transaction, delivery, operation.now_ms, operation.error)
            put(
                transaction,
                replace(
                    delivery,
                    standing=Standing.READY,
                    holder=None,
                    crashes=crashes,
                    suspect=delivery.suspect or ran,
                ),
            )
    for cancelled in list(transaction.store.cancellations):
        if cancelled[0] == operation.node:
            transaction.journal.remove(transaction.store.cancellations, cancelled)
    if operation.node in transaction.store.nodes:
        transaction.journal.remove(transaction.store.nodes, operation.node)
    return len(held)
