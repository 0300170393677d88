"""A run that has ended begins again, one that is held goes on."""

from __future__ import annotations

from motia.backends.memory.queue import enqueue
from motia.backends.memory.queue_dead import redrive
from motia.backends.memory.queue_end import cancel, move
from motia.backends.memory.transaction import Transaction
from motia.backends.memory.workflow import called_by, forget_waits, held_by, mark_begun, reopen
from motia.core import batch as ops
from motia.core.message import NewMessage, QueueName
from motia.core.workflow import UNDO_MARKER
from motia.workflow.retrying import check_ended


def retry_run(transaction: Transaction, operation: ops.RetryRun) -> frozenset[str]:
    run = operation.run
    found = transaction.store.runs.get(run)
    held = (
        held_by(transaction.store, run) is not None and UNDO_MARKER not in transaction.store.runs[run].entries
    )
    check_ended(
        run.step, known=found is not None, ended=held or (found is not None and found.end is not None)
    )
    assert found is not None
    queue = QueueName(found.begin.topic, run.step)
    if held:
        called = called_by(transaction.store, run)
        forget_waits(transaction, run)
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
            payload=found.begin.input,
            trace=found.begin.trace,
            enqueued_at_ms=found.begin.started_at_ms,
        )
        enqueue(transaction, ops.Enqueue(message))
    mark_begun(transaction, run, queue)
    return anew
