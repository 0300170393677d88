"""Which function applies which operation and checks which guard: the one dispatch of the writer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from motia.backends.sqlite import (
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
from motia.backends.sqlite.transaction import Transaction
from motia.core import batch as ops


def _expire(transaction: Transaction, operation: ops.Expire) -> int:
    forgotten = queue.forget_duplicates(transaction, operation) + requests.forget(transaction, operation)
    forgotten += queue_bulks.forget_bulks(transaction, operation)
    return state.expire(transaction, operation) + forgotten


APPLY: dict[type, Callable[[Transaction, Any], Any]] = {
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
    ops.StatePut: state.state_put,
    ops.StateDelete: state.state_delete,
    ops.StateUpdate: state.state_update,
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
    ops.StreamPut: streams.put,
    ops.StreamDelete: streams.delete,
    ops.StreamUpdate: streams.update,
    ops.StreamSend: streams.send,
    ops.TrimChanges: streams.trim,
}
CHECK: dict[type, Callable[[Transaction, Any], None]] = {
    ops.ClaimHeld: queue.check_claim_held,
    ops.StateVersion: state.check_version,
    ops.StreamVersion: streams.check_version,
    ops.DeadLetterHeld: queue_dead.check_dead_letter_held,
}
