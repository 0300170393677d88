"""A run that has ended begins again."""

from __future__ import annotations

from motia.backends.memory.queue import enqueue
from motia.backends.memory.queue_dead import redrive
from motia.backends.memory.transaction import Transaction
from motia.backends.memory.workflow import mark_begun, reopen
from motia.core import batch as ops
from motia.core.message import NewMessage, QueueName
from motia.workflow.retrying import check_ended


def retry_run(transaction: Transaction, operation: ops.RetryRun) -> frozenset[str]:
    run = operation.run
    found = transaction.store.runs.get(run)
    check_ended(run.step, known=found is not None, ended=found is not None and found.end is not None)
    assert found is not None
    anew = reopen(transaction, run, operation.since)
    queue = QueueName(found.begin.topic, run.step)
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
