"""Dead letters: sent back or deleted."""

from __future__ import annotations

from typing import Any

from motia.backends.sqlite.queue import enqueue, unpack_trace
from motia.backends.sqlite.transaction import Transaction
from motia.core import batch as ops
from motia.core.flow import Flow
from motia.core.message import NewMessage, QueueName

_NONE = Flow()


def redrive(transaction: Transaction, operation: ops.Redrive) -> int:
    rows = _dead(transaction, operation.queue, operation.ids, None, operation.limit)
    for seq, id_, topic, step, group, enqueued_at, trace, attributes, payload, *flow in rows:
        message = NewMessage(
            id=id_,
            queue=QueueName(topic, step),
            payload=payload,
            trace=unpack_trace(trace),
            enqueued_at_ms=enqueued_at,
            group=group,
            attributes=attributes or b"",
            flow=_kept(*flow),
        )
        enqueue(transaction, ops.Enqueue(message))
        transaction.execute("DELETE FROM dead_letters WHERE seq = ?", (seq,))
    return len(rows)


def _kept(rank: int, concurrency_key: str | None, rate_key: str | None, bulk: bytes | None) -> Flow | None:
    flow = Flow(priority=-rank, concurrency_key=concurrency_key, rate_key=rate_key, bulk=bulk)
    return None if flow == _NONE else flow


def purge_dead(transaction: Transaction, operation: ops.PurgeDead) -> int:
    rows = _dead(transaction, operation.queue, operation.ids, operation.died_before_ms, operation.limit)
    transaction.connection.executemany("DELETE FROM dead_letters WHERE seq = ?", [(row[0],) for row in rows])
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
