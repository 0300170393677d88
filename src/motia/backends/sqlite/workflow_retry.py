"""A run that has ended begins again, one that is held goes on."""

from __future__ import annotations

from typing import Any

from motia.backends.sqlite.queue import enqueue, unpack_trace
from motia.backends.sqlite.queue_dead import redrive
from motia.backends.sqlite.queue_end import cancel, move
from motia.backends.sqlite.schema import SCHEDULED
from motia.backends.sqlite.transaction import Transaction
from motia.backends.sqlite.workflow import FORGET_WAITS, called_by, mark_begun, reopen, undo_state
from motia.core import batch as ops
from motia.core.message import NewMessage, QueueName
from motia.core.workflow import HELD_MARKER, RunId
from motia.workflow.retrying import check_ended


def retry_run(transaction: Transaction, operation: ops.RetryRun) -> frozenset[str]:
    run = operation.run
    row: Any = transaction.execute(
        "SELECT topic, started_at, trace, input, ended_at FROM runs WHERE id = ? AND step = ?", run
    ).fetchone()
    held = row is not None and _is_held(transaction, run, row[0])
    check_ended(run.step, known=row is not None, ended=held or (row is not None and row[-1] is not None))
    topic, started_at, trace, payload, _ = row
    queue = QueueName(topic, run.step)
    if held:
        called = called_by(transaction, run)
        transaction.execute(FORGET_WAITS, run)
        cancel(transaction, ops.CancelMessages(called, limit=len(called), now_ms=operation.now_ms))
    anew = reopen(transaction, run, operation.since)
    if held:
        move(transaction, ops.MoveMessages(frozenset((run.message_id,)), None, queue))
        return anew
    # Its dead letter keeps its group and its keys; one that completed or was cancelled has none.
    if not redrive(transaction, ops.Redrive(queue=queue, ids=frozenset((run.message_id,)))):
        message = NewMessage(
            id=run.message_id,
            queue=queue,
            payload=payload,
            trace=unpack_trace(trace),
            enqueued_at_ms=started_at,
        )
        enqueue(transaction, ops.Enqueue(message))
    mark_begun(transaction, run, queue)
    return anew


def _is_held(transaction: Transaction, run: RunId, topic: str) -> bool:
    queue = transaction.queue_id(QueueName(topic, run.step))
    found = transaction.execute(
        "SELECT 1 FROM deliveries d JOIN journal j ON j.id = d.id AND j.step = ? AND j.name = ?"
        " WHERE d.id = ? AND d.queue = ? AND d.state = ? AND j.status = 'waiting'",
        (run.step, HELD_MARKER, run.message_id, queue, SCHEDULED),
    ).fetchone()
    return found is not None and not undo_state(transaction, run)[0]
