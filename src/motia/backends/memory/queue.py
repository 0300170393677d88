"""Messages: stored, settled, moved along in their groups."""

from __future__ import annotations

from dataclasses import replace

from motia.backends.memory.queue_bulks import ended_early
from motia.backends.memory.queue_limits import standing_within_limits
from motia.backends.memory.store import NO_FLOW, Delivery, Standing
from motia.backends.memory.transaction import Transaction
from motia.core import batch as ops
from motia.core.message import Claim, DeadLetter, NewMessage, QueueName
from motia.core.workflow import RunId
from motia.errors import ConflictError


def enqueue(transaction: Transaction, operation: ops.Enqueue) -> Claim | ops.Duplicate | ops.Replaced | None:
    message = operation.message
    if (message.id, message.queue) in transaction.store.seq_of:
        return None
    flow = NO_FLOW if message.flow is None else message.flow
    if flow.dedupe_key is not None:
        slot = message.queue, flow.dedupe_key
        earlier = transaction.store.dedupes.get(slot)
        if earlier is not None and earlier[0] != message.id and earlier[1] > message.enqueued_at_ms:
            return ops.Duplicate(earlier[0])
        transaction.journal.put(transaction.store.dedupes, slot, (message.id, flow.dedupe_until_ms))
    replaced = None
    if flow.debounce_key is not None and (waiting := _debounced(transaction, message)) is not None:
        take_out(transaction, waiting)
        ended_early(transaction, waiting.flow.bulk)
        replaced = ops.Replaced(waiting.id)
        flow = replace(flow, debounce_by_ms=waiting.flow.debounce_by_ms)
        if flow.debounce_by_ms is not None and message.due_at_ms is not None:
            message = replace(message, due_at_ms=min(message.due_at_ms, flow.debounce_by_ms))
    others = of_queue(transaction, message.queue).values()
    if message.group is not None and any(other.group == message.group for other in others):
        standing = Standing.BLOCKED
    elif message.due_at_ms is not None:
        standing = Standing.SCHEDULED
    else:
        standing = Standing.READY
        behind = is_paused(transaction, message.queue) or any(
            other.standing is Standing.READY for other in others
        )
        if message.claim_for is not None and message.group is None and not behind:
            standing = standing_within_limits(transaction, message, flow)
    claimed = standing is Standing.CLAIMED
    delivery = Delivery(
        seq=transaction.store.next_number(),
        id=message.id,
        queue=message.queue,
        standing=standing,
        payload=message.payload,
        trace=message.trace,
        enqueued_at_ms=message.enqueued_at_ms,
        due_at_ms=message.due_at_ms,
        group=message.group,
        attributes=message.attributes,
        holder=message.claim_for if claimed else None,
        token=int(claimed),
        flow=flow,
    )
    transaction.journal.put(transaction.store.seq_of, (message.id, message.queue), delivery.seq)
    put(transaction, delivery)
    return claim_of(delivery) if claimed else replaced


def _debounced(transaction: Transaction, message: NewMessage) -> Delivery | None:
    """The message of the same debounce key that has not started."""
    assert message.flow is not None
    for other in of_queue(transaction, message.queue).values():
        same = other.flow.debounce_key == message.flow.debounce_key
        if same and other.standing is Standing.SCHEDULED and not other.failures + other.crashes:
            return other
    return None


def forget_duplicates(transaction: Transaction, operation: ops.Expire) -> int:
    dedupes = transaction.store.dedupes
    over = [slot for slot, (_, until_ms) in dedupes.items() if until_ms <= operation.now_ms]
    for slot in over[: operation.limit]:
        transaction.journal.remove(dedupes, slot)
    return len(over[: operation.limit])


def is_paused(transaction: Transaction, queue: QueueName) -> bool:
    """Whether nothing may be taken from the queue."""
    pauses = transaction.store.pauses
    names = (queue, (queue.topic, "*"), ("*", queue.step), ("*", "*"))
    return bool(pauses) and any(name in pauses for name in names)


def settle(transaction: Transaction, operation: ops.Settle) -> None:
    claim, settlement = operation.claim, operation.settlement
    delivery = held(transaction, claim.seq, claim.id, claim.token)
    if delivery.flow.concurrency_key is not None:
        # Another of its key may start now.
        transaction.made_ready = True
    if isinstance(settlement, ops.Completed):
        take_out(transaction, delivery)
    elif isinstance(settlement, ops.Suspended):
        suspend(transaction, delivery, settlement)
    elif isinstance(settlement, ops.Died):
        crashes = delivery.crashes + int(settlement.crashed)
        bury(transaction, replace(delivery, failures=settlement.failures, crashes=crashes), settlement)
    else:
        errors = [text for text in (delivery.errors, settlement.error) if text]
        put(
            transaction,
            replace(
                delivery,
                standing=Standing.READY if settlement.due_at_ms is None else Standing.SCHEDULED,
                due_at_ms=settlement.due_at_ms,
                failures=settlement.failures,
                errors=b"\n".join(errors),
                holder=None,
                crashes=delivery.crashes + int(settlement.crashed),
                suspect=settlement.crashed,
            ),
        )


def suspend(transaction: Transaction, delivery: Delivery, settlement: ops.Suspended) -> None:
    """Put the delivery aside, unless some of its mail came while the handler was on its way out."""
    run = RunId(delivery.id, delivery.queue.step)
    there = any((run, name) not in transaction.store.waits for name in settlement.waits)
    standing = Standing.READY if there else Standing.SCHEDULED
    due_at_ms = None if there else settlement.due_at_ms
    put(
        transaction,
        replace(delivery, standing=standing, due_at_ms=due_at_ms, holder=None, suspect=False),
    )


def check_claim_held(transaction: Transaction, guard: ops.ClaimHeld) -> None:
    held(transaction, guard.seq, guard.id, guard.token)


def held(transaction: Transaction, seq: int, id_: bytes, token: int) -> Delivery:
    for table in transaction.store.deliveries.values():
        found = table.get(seq)
        if found is not None:
            held = (found.id, found.token, found.standing) == (id_, token, Standing.CLAIMED)
            if held:
                return found
            break
    raise ConflictError(
        "claim: expected to hold the newest token, got a superseded one: the message was given to"
        " another attempt because this one was late",
        code="claim.superseded",
        guard="claim_held",
    )


def put(transaction: Transaction, delivery: Delivery) -> None:
    if delivery.queue not in transaction.store.deliveries:
        transaction.journal.put(transaction.store.deliveries, delivery.queue, {})
    transaction.journal.put(transaction.store.deliveries[delivery.queue], delivery.seq, delivery)
    transaction.made_ready = transaction.made_ready or delivery.standing is Standing.READY


def take_out(transaction: Transaction, delivery: Delivery) -> None:
    """The delivery is over; the next of its group takes its place."""
    transaction.journal.remove(transaction.store.deliveries[delivery.queue], delivery.seq)
    transaction.journal.remove(transaction.store.seq_of, (delivery.id, delivery.queue))
    if delivery.group is None:
        return
    for other in transaction.store.in_order([delivery.queue]):
        if other.group == delivery.group:
            if other.standing is Standing.BLOCKED:
                standing = Standing.READY if other.due_at_ms is None else Standing.SCHEDULED
                put(transaction, replace(other, standing=standing))
            return


def bury(transaction: Transaction, delivery: Delivery, death: ops.Died) -> None:
    letter = DeadLetter(
        seq=transaction.store.next_number(),
        id=delivery.id,
        queue=delivery.queue,
        payload=delivery.payload,
        code=death.code,
        error=death.error,
        errors=delivery.errors,
        failures=delivery.failures,
        crashes=delivery.crashes,
        enqueued_at_ms=delivery.enqueued_at_ms,
        died_at_ms=death.at_ms,
        trace=delivery.trace,
        group=delivery.group,
        attributes=delivery.attributes,
        flow=delivery.flow,
    )
    transaction.journal.put(transaction.store.dead, letter.seq, letter)
    take_out(transaction, delivery)


def of_queue(transaction: Transaction, queue: QueueName) -> dict[int, Delivery]:
    return transaction.store.deliveries.get(queue, {})


def claim_of(delivery: Delivery) -> Claim:
    return Claim(
        seq=delivery.seq,
        id=delivery.id,
        queue=delivery.queue,
        token=delivery.token,
        payload=delivery.payload,
        trace=delivery.trace,
        enqueued_at_ms=delivery.enqueued_at_ms,
        failures=delivery.failures,
        crashes=delivery.crashes,
        group=delivery.group,
        attributes=delivery.attributes,
        errors=delivery.errors,
        suspect=delivery.suspect,
        concurrency_key=delivery.flow.concurrency_key,
        expires_at_ms=delivery.flow.expires_at_ms,
        due_at_ms=delivery.due_at_ms,
    )
