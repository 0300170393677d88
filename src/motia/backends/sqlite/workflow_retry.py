"""A run that has ended begins again."""

from __future__ import annotations

from typing import Any

from motia.backends.sqlite.queue import enqueue, unpack_trace
from motia.backends.sqlite.queue_dead import redrive
from motia.backends.sqlite.transaction import Transaction
from motia.backends.sqlite.workflow import mark_begun, reopen
from motia.core import batch as ops
from motia.core.message import NewMessage, QueueName
from motia.workflow.retrying import check_ended


def retry_run(transaction: Transaction, operation: ops.RetryRun) -> frozenset[str]:
    run = operation.run
    row: Any = transaction.execute(
        "SELECT topic, started_at, trace, input, ended_at FROM runs WHERE id = ? AND step = ?", run
    ).fetchone()
    check_ended(run.step, known=row is not None, ended=row is not None and row[-1] is not None)
    topic, started_at, trace, payload, _ = row
    anew = reopen(transaction, run, operation.since)
    queue = QueueName(topic, run.step)
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
