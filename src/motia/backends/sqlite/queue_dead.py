"""Dead letters: sent back or deleted."""

from __future__ import annotations

from typing import Any

from motia.backends.sqlite.queue import enqueue, unpack_trace
from motia.backends.sqlite.queue_bulks import ended_early
from motia.backends.sqlite.transaction import Transaction
from motia.backends.sqlite.workflow import has_ended, mark_begun, reopen
from motia.core import batch as ops
from motia.core.flow import Flow
from motia.core.message import NewMessage, QueueName
from motia.core.workflow import RunId

_NONE = Flow()


def redrive(transaction: Transaction, operation: ops.Redrive) -> int:
    rows = _dead(transaction, operation.queue, operation.ids, None, operation.limit)
    for index, row in enumerate(rows):
        seq, id_, topic, step, group, enqueued_at, trace, attributes, payload, *flow = row
        message = NewMessage(
            id=id_,
            queue=QueueName(topic, step),
            payload=payload,
            trace=unpack_trace(trace),
            enqueued_at_ms=enqueued_at,
            due_at_ms=operation.due_of(index),
            group=group,
            attributes=attributes or b"",
            flow=kept_flow(*flow),
        )
        enqueue(transaction, ops.Enqueue(message))
        transaction.execute("DELETE FROM dead_letters WHERE seq = ?", (seq,))
        run = RunId(id_, step)
        if has_ended(transaction, run):
            reopen(transaction, run, None)
            mark_begun(transaction, run, message.queue)
    return len(rows)


def check_dead_letter_held(transaction: Transaction, guard: ops.DeadLetterHeld) -> None:
    queue = transaction.known_queue_id(guard.queue)
    found = transaction.execute("SELECT 1 FROM dead_letters WHERE id = ? AND queue = ?", (guard.id, queue))
    if found.fetchone() is None:
        raise guard.gone()


def kept_flow(
    rank: int, concurrency_key: str | None, rate_key: str | None, bulk: bytes | None
) -> Flow | None:
    """What stays of the flow control of a dead letter."""
    flow = Flow(priority=-rank, concurrency_key=concurrency_key, rate_key=rate_key, bulk=bulk)
    return None if flow == _NONE else flow


def purge_dead(transaction: Transaction, operation: ops.PurgeDead) -> int:
    rows = _dead(transaction, operation.queue, operation.ids, operation.died_before_ms, operation.limit)
    transaction.connection.executemany("DELETE FROM dead_letters WHERE seq = ?", [(row[0],) for row in rows])
    if not operation.replaced:
        ended_early(transaction, (row[-1] for row in rows))
    return len(rows)


def _dead(
    transaction: Transaction,
    queue: QueueName | None,
    ids: frozenset[bytes] | None,
    before_ms: int | None,
    limit: int,
) -> list[tuple[Any, ...]]:
    where, values = ["1"], list[Any]()
    if queue is not None:
        where.append("q.topic = ? AND q.step = ?")
        values += queue
    if ids is not None:
        where.append(f"d.id IN ({','.join('?' * len(ids))})")
        values += ids
    if before_ms is not None:
        where.append("d.died_at < ?")
        values.append(before_ms)
    return transaction.execute(
        "SELECT d.seq, d.id, q.topic, q.step, d.group_key, d.enqueued_at, d.trace, d.attributes,"
        " d.payload, d.rank, d.concurrency_key, d.rate_key, d.bulk"
        f" FROM dead_letters d JOIN queues q ON q.id = d.queue WHERE {' AND '.join(where)}"
        " ORDER BY d.seq LIMIT ?",
        (*values, limit),
    ).fetchall()
