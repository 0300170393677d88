"""What an operator does to messages and queues: cancel, move, pause, resume."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from motia.backends.sqlite import workflow
from motia.backends.sqlite.queue import let_next_of_key, unblock, unpack_trace
from motia.backends.sqlite.queue_bulks import ended_early
from motia.backends.sqlite.schema import CLAIMED
from motia.backends.sqlite.transaction import Transaction
from motia.core import batch as ops
from motia.core.message import QueueName
from motia.core.workflow import CANCELLED, RunId
from motia.workflow.mail import unanswered

_COLUMNS = (
    "d.seq, d.id, d.queue, q.topic, q.step, d.trace, d.state, d.claimed_by, d.group_key, d.concurrency_key,"
    " d.bulk"
)
_UNDONE = "SELECT 1 FROM journal j WHERE j.id = d.id AND j.step = q.step AND j.name = '$undo'"
_BEGUN = "SELECT 1 FROM runs r WHERE r.id = d.id AND r.step = q.step AND r.ended_at IS NULL"


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
    if operation.undo:
        where.append(f"NOT EXISTS ({_UNDONE})")
    ended = []
    for row in _found(transaction, " AND ".join(where), values, operation.limit):
        run = RunId(row[1], row[4])
        if not workflow.is_open(transaction, run):
            ended.append(_end(transaction, row, "cancelled", operation.now_ms))
            continue
        called = workflow.called_by(transaction, run)
        if operation.undo:
            ended.append(_undo(transaction, row, operation.now_ms))
        else:
            end = ops.RunEnd(run=run, status="cancelled", at_ms=operation.now_ms, error=CANCELLED)
            workflow.run_end(transaction, end)
            ended.append(_end(transaction, row, "cancelled", operation.now_ms))
        if called:
            others = replace(operation, ids=called, queue=None, bulk=None, limit=len(called))
            ended += cancel(transaction, others)
    return ended


def expire_messages(transaction: Transaction, operation: ops.ExpireMessages) -> list[ops.Ended]:
    over = f"d.expires_at <= ? AND d.state <> 3 AND NOT EXISTS ({_BEGUN})"
    rows = _found(transaction, over, [operation.now_ms], operation.limit)
    return [_end(transaction, row, "expired", operation.now_ms) for row in rows]


def _found(transaction: Transaction, where: str, values: list[Any], limit: int) -> list[Any]:
    return transaction.execute(
        f"SELECT {_COLUMNS}, d.token, d.attributes FROM deliveries d JOIN queues q ON q.id = d.queue"
        f" WHERE {where} ORDER BY d.seq LIMIT ?",
        (*values, limit),
    ).fetchall()


def _end(transaction: Transaction, row: Any, how: str, now_ms: int) -> ops.Ended:
    seq, id_, queue, topic, step, trace, _, node, group, key, bulk, _, attributes = row
    _note_cancelled(transaction, row)
    transaction.execute("DELETE FROM deliveries WHERE seq = ?", (seq,))
    if group is not None:
        unblock(transaction, queue, group)
    if key is not None:
        let_next_of_key(transaction, queue, key)
    ended_early(transaction, (bulk,))
    # Where a concurrency was used up, it may not be any more.
    transaction.made_ready = True
    mail = unanswered(id_, attributes or b"", how, now_ms)
    if mail is not None:
        workflow.post(transaction, ops.Post(mail))
    return ops.Ended(id_, QueueName(topic, step), unpack_trace(trace), node)


def _undo(transaction: Transaction, row: Any, now_ms: int) -> ops.Ended:
    """The run goes on, to undo what it did; in its old place, which its group keeps waiting for."""
    seq, id_, queue, topic, step, trace, _, node, _, key, *_ = row
    _note_cancelled(transaction, row)
    workflow.begin_undo(transaction, RunId(id_, step), seq, now_ms)
    transaction.note_ready(queue)
    if key is not None:
        let_next_of_key(transaction, queue, key)
    return ops.Ended(id_, QueueName(topic, step), unpack_trace(trace), node, undoes=True)


def _note_cancelled(transaction: Transaction, row: Any) -> None:
    """Who holds it learns that it does no more."""
    seq, id_, _, _, _, _, state, node, *_, token, _ = row
    if state == CLAIMED:
        transaction.execute(
            "INSERT OR REPLACE INTO cancellations (node, seq, token, id)"
            " SELECT id, ?, ?, ? FROM nodes WHERE id = ?",
            (seq, token, id_, node),
        )


def cancellations_seen(transaction: Transaction, operation: ops.CancellationsSeen) -> None:
    transaction.connection.executemany(
        "DELETE FROM cancellations WHERE node = ? AND seq = ? AND token = ?",
        [(operation.node, seq, token) for seq, token in operation.claims],
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
