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
    where, values = _chosen(transaction, operation.queue, operation.ids)
    rows: list[Any] = transaction.execute(
        "SELECT d.seq, d.id, q.topic, q.step, d.group_key, d.enqueued_at, d.trace, d.attributes,"
        " d.payload, d.rank, d.concurrency_key, d.rate_key, d.bulk"
        f" FROM dead_letters d JOIN queues q ON q.id = d.queue WHERE {where} ORDER BY d.seq LIMIT ?",
        (*values, operation.limit),
    ).fetchall()
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
    where, values = _chosen(transaction, operation.queue, operation.ids)
    if operation.died_before_ms is not None:
        where += " AND d.died_at < ?"
        values.append(operation.died_before_ms)
    rows: list[Any] = transaction.execute(
        f"SELECT d.seq, d.bulk FROM dead_letters d WHERE {where} ORDER BY d.seq LIMIT ?",
        (*values, operation.limit),
    ).fetchall()
    transaction.connection.executemany("DELETE FROM dead_letters WHERE seq = ?", [(row[0],) for row in rows])
    if not operation.replaced:
        ended_early(transaction, (row[1] for row in rows))
    return len(rows)


def _chosen(
    transaction: Transaction, queue: QueueName | None, ids: frozenset[bytes] | None
) -> tuple[str, list[Any]]:
    """Of `dead_letters d`; by their ids where these are given: the queue may hold many more."""
    if ids is None:
        return ("1", []) if queue is None else ("d.queue = ?", [transaction.known_queue_id(queue)])
    where = f"d.id IN ({','.join('?' * len(ids))})"
    if queue is None:
        return where, [*ids]
    return f"{where} AND +d.queue = ?", [*ids, transaction.known_queue_id(queue)]
