"""Messages: stored, settled, moved along in their groups."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from motia.backends.sqlite.queue_bulks import ended_early
from motia.backends.sqlite.queue_lanes import Admission
from motia.backends.sqlite.schema import BLOCKED, CLAIMED, READY, SCHEDULED
from motia.backends.sqlite.suspension import suspend
from motia.backends.sqlite.transaction import Transaction
from motia.core import batch as ops
from motia.core.flow import Flow
from motia.core.message import Claim, NewMessage, TraceContext
from motia.errors import ConflictError
from motia.queue.dead_letters import cause_of_error

INSERT = (
    "INSERT INTO deliveries (seq, id, queue, state, due_at, group_key, claimed_by, token,"
    " enqueued_at, trace, attributes, payload) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)"
    " ON CONFLICT (id, queue) DO NOTHING"
)
INSERT_WITH_FLOW = (
    "INSERT INTO deliveries (seq, id, queue, state, due_at, group_key, claimed_by, token,"
    " enqueued_at, trace, attributes, payload,"
    " rank, concurrency_key, rate_key, expires_at, debounce_key, debounce_by, bulk)"
    " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (id, queue) DO NOTHING"
)
COMPLETE = "DELETE FROM deliveries WHERE seq = ? AND id = ? AND token = ? AND state = 3"


def pack_trace(trace: TraceContext) -> str:
    trace_id, span_id, hops = trace
    return f"{trace_id:32}{span_id:16}{hops}"


def unpack_trace(text: str) -> TraceContext:
    return TraceContext(text[:32].rstrip(), text[32:48].rstrip(), int(text[48:] or 0))


def insert_row(transaction: Transaction, message: NewMessage, admission: Admission) -> tuple[Any, ...]:
    """The row of a new message and the state it starts in. Only for messages without a group."""
    queue = transaction.queue_id(message.queue)
    state = SCHEDULED if message.due_at_ms is not None else admission.state_of(queue, message)
    if state == READY:
        transaction.note_ready(queue)
    return (
        transaction.next_number(),
        message.id,
        queue,
        state,
        message.due_at_ms,
        message.group,
        message.claim_for if state == CLAIMED else None,
        int(state == CLAIMED),
        message.enqueued_at_ms,
        pack_trace(message.trace),
        message.attributes or None,
        message.payload,
    )


def enqueue(transaction: Transaction, operation: ops.Enqueue) -> Claim | ops.Duplicate | ops.Replaced | None:
    message = operation.message
    if message.flow is not None:
        return _enqueue_with_flow(transaction, message, message.flow)
    return _insert(transaction, INSERT, message, ())


def _enqueue_with_flow(
    transaction: Transaction, message: NewMessage, flow: Flow
) -> Claim | ops.Duplicate | ops.Replaced | None:
    queue = transaction.queue_id(message.queue)
    if flow.dedupe_key is not None:
        earlier = _earlier(transaction, queue, flow.dedupe_key, message)
        if earlier is not None:
            return ops.Duplicate(earlier)
        transaction.execute(
            "INSERT OR REPLACE INTO dedupes (queue, key, id, expires_at) VALUES (?,?,?,?)",
            (queue, flow.dedupe_key, message.id, flow.dedupe_until_ms),
        )
    replaced, debounce_by = None, flow.debounce_by_ms
    if flow.debounce_key is not None:
        waiting = transaction.execute(
            "SELECT seq, id, debounce_by, bulk FROM deliveries WHERE queue = ? AND debounce_key = ?"
            " AND state = 1 AND failures + crashes = 0",
            (queue, flow.debounce_key),
        ).fetchone()
        if waiting is not None:
            seq, id_, debounce_by, bulk = waiting
            if id_ == message.id:
                return None
            transaction.execute("DELETE FROM deliveries WHERE seq = ?", (seq,))
            ended_early(transaction, (bulk,))
            replaced = ops.Replaced(id_)
            if debounce_by is not None and message.due_at_ms is not None:
                message = dataclasses.replace(message, due_at_ms=min(message.due_at_ms, debounce_by))
    return _insert(transaction, INSERT_WITH_FLOW, message, flow_columns(flow, debounce_by)) or replaced


def _insert(
    transaction: Transaction, statement: str, message: NewMessage, more: tuple[Any, ...]
) -> Claim | None:
    """Store the message; the claim, where it was claimed as it was stored."""
    admission = Admission(transaction)
    if message.group is None:
        row = insert_row(transaction, message, admission)
    else:
        row = _grouped_row(transaction, message)
    transaction.execute(statement, (*row, *more))
    if not transaction.connection.changes() or row[3] != CLAIMED:
        return None
    admission.keep()
    return claim_of(message, row)


def flow_columns(flow: Flow, debounce_by: int | None) -> tuple[Any, ...]:
    """What `INSERT_WITH_FLOW` takes after the row."""
    return (
        -flow.priority,
        flow.concurrency_key,
        flow.rate_key,
        flow.expires_at_ms,
        flow.debounce_key,
        debounce_by,
        flow.bulk,
    )


def _earlier(transaction: Transaction, queue: int, key: str, message: NewMessage) -> bytes | None:
    """Id of the message within whose window another of its key comes."""
    row = transaction.execute(
        "SELECT id FROM dedupes WHERE queue = ? AND key = ? AND expires_at > ?",
        (queue, key, message.enqueued_at_ms),
    ).fetchone()
    return None if row is None or row[0] == message.id else row[0]


def forget_duplicates(transaction: Transaction, operation: ops.Expire) -> int:
    transaction.execute(
        "DELETE FROM dedupes WHERE (queue, key) IN"
        " (SELECT queue, key FROM dedupes WHERE expires_at <= ? LIMIT ?)",
        (operation.now_ms, operation.limit),
    )
    return transaction.connection.changes()


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
    elif isinstance(settlement, ops.Suspended):
        suspend(transaction, claim, settlement)
    elif isinstance(settlement, ops.Rescheduled):
        state = READY if settlement.due_at_ms is None else SCHEDULED
        transaction.execute(
            "UPDATE deliveries SET state = ?1, due_at = ?2, failures = ?3, claimed_by = NULL, suspect = ?8,"
            " crashes = crashes + ?8, errors = CASE WHEN length(?4)"
            " THEN CAST(coalesce(errors || x'0a', x'') || ?4 AS BLOB) ELSE errors END"
            " WHERE seq = ?5 AND id = ?6 AND token = ?7 AND state = 3",
            (state, settlement.due_at_ms, settlement.failures, settlement.error, *held, settlement.crashed),
        )
        if state == READY:
            transaction.note_ready(transaction.queue_id(claim.queue))
    else:
        transaction.execute(
            "INSERT INTO dead_letters (seq, id, queue, group_key, code, error, errors, failures, crashes,"
            " enqueued_at, died_at, trace, attributes, payload, rank, concurrency_key, rate_key, bulk, cause)"
            " SELECT ?1, id, queue, group_key, ?2, ?3, errors, ?4, crashes + ?9, enqueued_at, ?5, trace,"
            " attributes, payload, rank, concurrency_key, rate_key, bulk, ?10 FROM deliveries"
            " WHERE seq = ?6 AND id = ?7 AND token = ?8 AND state = 3",
            (
                transaction.next_number(),
                settlement.code,
                settlement.error,
                settlement.failures,
                settlement.at_ms,
                *held,
                settlement.crashed,
                cause_of_error(claim.queue.step, settlement.code, settlement.error),
            ),
        )
        transaction.execute(COMPLETE, held)
    if not transaction.connection.changes():
        raise superseded()
    if claim.group is not None and not isinstance(settlement, ops.Rescheduled | ops.Suspended):
        unblock(transaction, transaction.queue_id(claim.queue), claim.group)
    if claim.concurrency_key is not None:
        let_next_of_key(transaction, transaction.queue_id(claim.queue), claim.concurrency_key)


def let_next_of_key(transaction: Transaction, queue: int, key: str, count: int = 1) -> None:
    """So many messages of the key have left their places: the next that waited for it become ready."""
    transaction.execute(
        "UPDATE deliveries SET state = 0 WHERE seq IN (SELECT seq FROM deliveries"
        " WHERE queue = ? AND concurrency_key = ? AND state = 4 ORDER BY rank, seq LIMIT ?)",
        (queue, key, count),
    )
    if transaction.connection.changes():
        transaction.note_ready(queue)


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
        expires_at_ms=None if message.flow is None else message.flow.expires_at_ms,
        concurrency_key=None if message.flow is None else message.flow.concurrency_key,
    )
