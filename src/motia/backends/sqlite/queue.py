"""Messages: stored, settled, moved along in their groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from motia.backends.sqlite.schema import BLOCKED, CLAIMED, READY, SCHEDULED
from motia.backends.sqlite.transaction import Transaction
from motia.core import batch as ops
from motia.core.message import Claim, NewMessage, TraceContext
from motia.errors import ConflictError

INSERT = (
    "INSERT INTO deliveries (seq, id, queue, state, due_at, group_key, claimed_by, token,"
    " enqueued_at, trace, attributes, payload) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)"
    " ON CONFLICT (id, queue) DO NOTHING"
)
COMPLETE = "DELETE FROM deliveries WHERE seq = ? AND id = ? AND token = ? AND state = 3"


def pack_trace(trace: TraceContext) -> str:
    trace_id, span_id, hops = trace
    return f"{trace_id:32}{span_id:16}{hops}"


def unpack_trace(text: str) -> TraceContext:
    return TraceContext(text[:32].rstrip(), text[32:48].rstrip(), int(text[48:] or 0))


def insert_row(transaction: Transaction, message: NewMessage) -> tuple[Any, ...]:
    """The row of a new message and the state it starts in. Only for messages without a group."""
    queue = transaction.queue_id(message.queue)
    if message.due_at_ms is not None:
        state, holder, token = SCHEDULED, None, 0
    elif message.claim_for is not None and not transaction.has_backlog(queue):
        state, holder, token = CLAIMED, message.claim_for, 1
    else:
        state, holder, token = READY, None, 0
        transaction.note_ready(queue)
    return (
        transaction.next_number(),
        message.id,
        queue,
        state,
        message.due_at_ms,
        message.group,
        holder,
        token,
        message.enqueued_at_ms,
        pack_trace(message.trace),
        message.attributes or None,
        message.payload,
    )


def enqueue(transaction: Transaction, operation: ops.Enqueue) -> Claim | None:
    message = operation.message
    row = insert_row(transaction, message) if message.group is None else _grouped_row(transaction, message)
    transaction.execute(INSERT, row)
    if not transaction.connection.changes() or row[3] != CLAIMED:
        return None
    return claim_of(message, row)


def _grouped_row(transaction: Transaction, message: NewMessage) -> tuple[Any, ...]:
    queue = transaction.queue_id(message.queue)
    behind = transaction.execute(
        "SELECT 1 FROM deliveries WHERE queue = ? AND group_key = ? LIMIT 1", (queue, message.group)
    ).fetchone()
    state = BLOCKED if behind else READY if message.due_at_ms is None else SCHEDULED
    if state == READY:
        transaction.note_ready(queue)
    return (
        transaction.next_number(),
        message.id,
        queue,
        state,
        message.due_at_ms,
        message.group,
        None,
        0,
        message.enqueued_at_ms,
        pack_trace(message.trace),
        message.attributes or None,
        message.payload,
    )


def settle(transaction: Transaction, operation: ops.Settle) -> None:
    claim, settlement = operation.claim, operation.settlement
    held = (claim.seq, claim.id, claim.token)
    if isinstance(settlement, ops.Completed):
        transaction.execute(COMPLETE, held)
    elif isinstance(settlement, ops.Rescheduled):
        state = READY if settlement.due_at_ms is None else SCHEDULED
        transaction.execute(
            "UPDATE deliveries SET state = ?, due_at = ?, failures = ?, claimed_by = NULL, suspect = 0,"
            " errors = CASE WHEN length(?4) THEN CAST(coalesce(errors || x'0a', x'') || ?4 AS BLOB)"
            " ELSE errors END WHERE seq = ?5 AND id = ?6 AND token = ?7 AND state = 3",
            (state, settlement.due_at_ms, settlement.failures, settlement.error, *held),
        )
        if state == READY:
            transaction.note_ready(transaction.queue_id(claim.queue))
    else:
        transaction.execute(
            "INSERT INTO dead_letters SELECT ?1, id, queue, group_key, ?2, ?3, errors, ?4, crashes,"
            " enqueued_at, ?5, trace, attributes, payload FROM deliveries"
            " WHERE seq = ?6 AND id = ?7 AND token = ?8 AND state = 3",
            (
                transaction.next_number(),
                settlement.code,
                settlement.error,
                settlement.failures,
                settlement.at_ms,
                *held,
            ),
        )
        transaction.execute(COMPLETE, held)
    if not transaction.connection.changes():
        raise superseded()
    if claim.group is not None and not isinstance(settlement, ops.Rescheduled):
        unblock(transaction, transaction.queue_id(claim.queue), claim.group)


def unblock(transaction: Transaction, queue: int, group: str) -> None:
    """The head of the group has gone: the next one takes its place."""
    transaction.execute(
        "UPDATE deliveries SET state = CASE WHEN due_at IS NULL THEN 0 ELSE 1 END"
        " WHERE state = 2 AND seq ="
        " (SELECT min(seq) FROM deliveries WHERE queue = ? AND group_key = ?)",
        (queue, group),
    )
    if transaction.connection.changes():
        transaction.note_ready(queue)


def check_claim_held(transaction: Transaction, guard: ops.ClaimHeld) -> None:
    row = transaction.execute(
        "SELECT 1 FROM deliveries WHERE seq = ? AND id = ? AND token = ? AND state = 3",
        (guard.seq, guard.id, guard.token),
    ).fetchone()
    if row is None:
        raise superseded()


def superseded() -> ConflictError:
    return ConflictError(
        "claim: expected to hold the newest token, got a superseded one: the message was given to another"
        " attempt because this one was late",
        code="claim.superseded",
        guard="claim_held",
    )


def claim_of(message: NewMessage, row: Sequence[Any]) -> Claim:
    """The claim of a message that was claimed as it was inserted."""
    return Claim(
        seq=row[0],
        id=message.id,
        queue=message.queue,
        token=1,
        payload=message.payload,
        trace=message.trace,
        enqueued_at_ms=message.enqueued_at_ms,
        attributes=message.attributes,
    )
