"""Which function applies which operation: the one dispatch over plain dictionaries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from motia.backends.memory import (
    cron,
    queue,
    queue_bulks,
    queue_claims,
    queue_dead,
    queue_end,
    requests,
    state,
    state_log,
    streams,
    workflow,
    workflow_retry,
)
from motia.backends.memory.store import MemoryStore
from motia.backends.memory.transaction import Transaction
from motia.core import batch as ops
from motia.errors import InternalError


class Operations:
    """Applies one batch at a time to a store. Nothing here waits, so nothing comes between two operations."""

    def __init__(self, store: MemoryStore) -> None:
        self._transaction = Transaction(store)

    @property
    def made_ready(self) -> bool:
        """The last batch left a message for any node to take."""
        return self._transaction.made_ready

    @property
    def made_changes(self) -> bool:
        """The last batch lengthened the change log."""
        return self._transaction.made_changes

    def apply(self, batch: ops.Batch) -> list[Any]:
        """One result an operation. Whatever is raised, the store is then as it was before."""
        transaction = self._transaction
        transaction.made_ready = transaction.made_changes = False
        try:
            for guard in batch.guards:
                _CHECK[type(guard)](transaction, guard)
            results = [_run(transaction, operation) for operation in batch.operations]
        except BaseException:
            transaction.journal.take_back()
            transaction.made_ready = transaction.made_changes = False
            raise
        transaction.journal.keep()
        return results


def _run(transaction: Transaction, operation: ops.Operation) -> Any:
    run = _APPLY.get(type(operation))
    if run is None:
        raise InternalError(
            f"batch: expected an operation, got {type(operation).__name__}", code="internal.operation"
        )
    return run(transaction, operation)


def _expire(transaction: Transaction, operation: ops.Expire) -> int:
    forgotten = queue.forget_duplicates(transaction, operation) + requests.forget(transaction, operation)
    forgotten += queue_bulks.forget_bulks(transaction, operation)
    return state.expire(transaction, operation) + forgotten


_APPLY: dict[type, Callable[[Transaction, Any], Any]] = {
    ops.Enqueue: queue.enqueue,
    ops.CountBulk: queue_bulks.count_bulk,
    ops.Settle: queue.settle,
    ops.ClaimReady: queue_claims.claim_ready,
    ops.Unclaim: queue_claims.unclaim,
    ops.PromoteDue: queue_claims.promote_due,
    ops.RegisterNode: queue_claims.register_node,
    ops.RecoverNode: queue_claims.recover_node,
    ops.Redrive: queue_dead.redrive,
    ops.PurgeDead: queue_dead.purge_dead,
    ops.CancelMessages: queue_end.cancel,
    ops.ExpireMessages: queue_end.expire_messages,
    ops.CancellationsSeen: queue_end.cancellations_seen,
    ops.MoveMessages: queue_end.move,
    ops.PauseQueues: queue_end.pause,
    ops.ResumeQueues: queue_end.resume,
    ops.BeginRequest: requests.begin,
    ops.EndRequest: requests.end,
    ops.Fire: cron.fire,
    ops.StatePut: state.change,
    ops.StateDelete: state.change,
    ops.StateUpdate: state.change,
    ops.StateClear: state.state_clear,
    ops.WatchState: state_log.watch,
    ops.Expire: _expire,
    ops.RunBegin: workflow.run_begin,
    ops.JournalPut: workflow.journal_put,
    ops.RunEnd: workflow.run_end,
    ops.WaitFor: workflow.wait_for,
    ops.GiveUpWait: workflow.give_up_wait,
    ops.RetryRun: workflow_retry.retry_run,
    ops.RegisterMail: workflow.register_mail,
    ops.Post: workflow.post,
    ops.PruneRuns: workflow.prune_runs,
    ops.StreamPut: streams.write,
    ops.StreamDelete: streams.write,
    ops.StreamUpdate: streams.write,
    ops.StreamSend: streams.send,
    ops.TrimChanges: streams.trim,
}
_CHECK: dict[type, Callable[[Transaction, Any], None]] = {
    ops.ClaimHeld: queue.check_claim_held,
    ops.StateVersion: state.check_version,
    ops.StreamVersion: streams.check_version,
    ops.DeadLetterHeld: queue_dead.check_dead_letter_held,
}
