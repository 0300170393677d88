"""What an operator does to messages and queues: cancel, move, pause, resume."""

from __future__ import annotations

from typing import Any

from motia.backends.sqlite.queue import let_next_of_key, unblock, unpack_trace
from motia.backends.sqlite.queue_bulks import ended_early
from motia.backends.sqlite.transaction import Transaction
from motia.core import batch as ops
from motia.core.message import QueueName

_COLUMNS = (
    "d.seq, d.id, d.queue, q.topic, q.step, d.trace, d.state, d.claimed_by, d.group_key, d.concurrency_key,"
    " d.bulk"
)


def cancel(transaction: Transaction, operation: ops.CancelMessages) -> list[ops.Ended]:
    where, values = [], list[Any]()
    if operation.ids is not None:
        where.append(f"d.id IN ({','.join('?' * len(operation.ids))})")
        values += operation.ids
    if operation.queue is not None:
        where.append("q.topic = ? AND q.step = ?")
        values += operation.queue
    if operation.bulk is not None:
        where.append("d.bulk = ?")
        values.append(operation.bulk)
    if not where:
        return []
    return _end(transaction, " AND ".join(where), values, operation.limit)


def expire_messages(transaction: Transaction, operation: ops.ExpireMessages) -> list[ops.Ended]:
    return _end(transaction, "d.expires_at <= ? AND d.state <> 3", [operation.now_ms], operation.limit)


def _end(transaction: Transaction, where: str, values: list[Any], limit: int) -> list[ops.Ended]:
    rows: list[Any] = transaction.execute(
        f"SELECT {_COLUMNS} FROM deliveries d JOIN queues q ON q.id = d.queue WHERE {where}"
        " ORDER BY d.seq LIMIT ?",
        (*values, limit),
    ).fetchall()
    ended = []
    for seq, id_, queue, topic, step, trace, state, node, group, key, _ in rows:
        if state == 3:
            transaction.execute(
                "INSERT OR REPLACE INTO cancellations (node, seq, id)"
                " SELECT id, ?, ? FROM nodes WHERE id = ?",
                (seq, id_, node),
            )
        transaction.execute("DELETE FROM deliveries WHERE seq = ?", (seq,))
        if group is not None:
            unblock(transaction, queue, group)
        if key is not None:
            let_next_of_key(transaction, queue, key)
        ended.append(ops.Ended(id_, QueueName(topic, step), unpack_trace(trace), node))
    if ended:
        # Where a concurrency was used up, it may not be any more.
        transaction.made_ready = True
        ended_early(transaction, (row[-1] for row in rows))
    return ended


def cancellations_seen(transaction: Transaction, operation: ops.CancellationsSeen) -> None:
    transaction.connection.executemany(
        "DELETE FROM cancellations WHERE node = ? AND seq = ?",
        [(operation.node, seq) for seq in operation.seqs],
    )


def move(transaction: Transaction, operation: ops.MoveMessages) -> int:
    rows: list[Any] = transaction.execute(
        f"SELECT {_COLUMNS} FROM deliveries d JOIN queues q ON q.id = d.queue"
        f" WHERE d.id IN ({','.join('?' * len(operation.ids))}) AND d.state <> 3",
        tuple(operation.ids),
    ).fetchall()
    moved = 0
    for seq, _, queue, topic, step, _, state, _, _, key, _ in rows:
        if operation.queue not in (None, (topic, step)):
            continue
        due = operation.due_at_ms
        # Behind its head it stays; what waited for a limit is looked at anew.
        becomes = state if state == 2 else 0 if due is None else 1
        transaction.execute("UPDATE deliveries SET state = ?, due_at = ? WHERE seq = ?", (becomes, due, seq))
        moved += 1
        if becomes == 0:
            transaction.note_ready(queue)
        elif state == 0 and key is not None:
            let_next_of_key(transaction, queue, key)
    return moved


def pause(transaction: Transaction, operation: ops.PauseQueues) -> None:
    transaction.execute(
        "INSERT OR IGNORE INTO pauses (topic, step, since) VALUES (?,?,?)",
        (operation.topic, operation.step, operation.now_ms),
    )
    transaction.forget_pauses()
    transaction.forget_backlog()


def resume(transaction: Transaction, operation: ops.ResumeQueues) -> int:
    if operation.everything:
        transaction.execute("DELETE FROM pauses")
    else:
        transaction.execute(
            "DELETE FROM pauses WHERE topic = ? AND step = ?", (operation.topic, operation.step)
        )
    count = transaction.connection.changes()
    if count:
        transaction.forget_pauses()
        transaction.forget_backlog()
        transaction.made_ready = True
    return count
