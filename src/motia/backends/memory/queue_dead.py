"""Dead letters: sent back or deleted."""

from __future__ import annotations

from collections.abc import Iterator

from motia.backends.memory.queue import enqueue
from motia.backends.memory.queue_bulks import ended_early
from motia.backends.memory.transaction import Transaction
from motia.backends.memory.workflow import has_ended, mark_begun, reopen
from motia.core import batch as ops
from motia.core.flow import kept
from motia.core.message import DeadLetter, NewMessage
from motia.core.workflow import RunId


def redrive(transaction: Transaction, operation: ops.Redrive) -> int:
    letters = list(_dead(transaction, operation))
    for index, letter in enumerate(letters):
        transaction.journal.remove(transaction.store.dead, letter.seq)
        message = NewMessage(
            id=letter.id,
            queue=letter.queue,
            payload=letter.payload,
            trace=letter.trace,
            enqueued_at_ms=letter.enqueued_at_ms,
            due_at_ms=operation.due_of(index),
            group=letter.group,
            attributes=letter.attributes,
            flow=None if letter.flow is None else kept(letter.flow),
        )
        enqueue(transaction, ops.Enqueue(message))
        run = RunId(letter.id, letter.queue.step)
        if has_ended(transaction.store, run):
            reopen(transaction, run, None)
            mark_begun(transaction, run, letter.queue)
    return len(letters)


def purge_dead(transaction: Transaction, operation: ops.PurgeDead) -> int:
    letters = list(_dead(transaction, operation))
    for letter in letters:
        transaction.journal.remove(transaction.store.dead, letter.seq)
        if letter.flow is not None and not operation.replaced:
            ended_early(transaction, letter.flow.bulk)
    return len(letters)


def check_dead_letter_held(transaction: Transaction, guard: ops.DeadLetterHeld) -> None:
    letters = transaction.store.dead.values()
    if not any(letter.id == guard.id and letter.queue == guard.queue for letter in letters):
        raise guard.gone()


def _dead(transaction: Transaction, operation: ops.Redrive | ops.PurgeDead) -> Iterator[DeadLetter]:
    found = 0
    for seq in sorted(transaction.store.dead):
        letter = transaction.store.dead[seq]
        if operation.queue is not None and letter.queue != operation.queue:
            continue
        if operation.ids is not None and letter.id not in operation.ids:
            continue
        before_ms = operation.died_before_ms if isinstance(operation, ops.PurgeDead) else None
        if before_ms is not None and letter.died_at_ms >= before_ms:
            continue
        found += 1
        if found > operation.limit:
            return
        yield letter
