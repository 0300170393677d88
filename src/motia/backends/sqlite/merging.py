"""Many small batches as few statements: what nearly every batch of a busy node is becomes a row of one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from motia.backends.sqlite.queue import (
    COMPLETE,
    INSERT,
    INSERT_WITH_FLOW,
    claim_of,
    flow_columns,
    insert_row,
    let_next_of_key,
)
from motia.backends.sqlite.queue_lanes import Admission, some_wait_apart
from motia.backends.sqlite.schema import CLAIMED
from motia.backends.sqlite.transaction import Transaction
from motia.backends.sqlite.workflow import (
    BEGIN_RUN,
    END_RUN,
    FORGET_WAITS,
    PUT_HELD,
    begin_row,
    end_row,
    put_row,
)
from motia.core import batch as ops
from motia.core.message import NewMessage, QueueName

_NOTHING: list[Any] = [None]
_NOTHING_TWICE: list[Any] = [None, None]


class Mismatch(Exception):
    """A merged statement changed fewer rows than it had: some batch of the group must fail alone."""


class Merged:
    """The rows that gather in one transaction. What is gathered is written in the order of `_statements`:
    batches that wait at the same time have no order among each other that anybody was told."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._admission = Admission(transaction)
        self._inserts: list[tuple[Any, ...]] = []
        self._inserts_with_flow: list[tuple[Any, ...]] = []
        self._begins: list[tuple[Any, ...]] = []
        self._puts: list[tuple[Any, ...]] = []
        self._ends: list[tuple[Any, ...]] = []
        self._waits: list[tuple[Any, ...]] = []
        self._completes: list[tuple[Any, ...]] = []
        self._freed: Counter[tuple[QueueName, str]] = Counter()
        """Places of keys that what completes leaves."""
        # A statement whose rows all have to change something is counted: a guard or a key is part of it.
        self._statements = (
            (INSERT, self._inserts, True),
            (INSERT_WITH_FLOW, self._inserts_with_flow, True),
            (BEGIN_RUN, self._begins, False),
            (PUT_HELD, self._puts, True),
            (END_RUN, self._ends, False),
            (FORGET_WAITS, self._waits, False),
            (COMPLETE, self._completes, True),
        )

    def expect(self, batches: Sequence[ops.Batch]) -> None:
        """Look ahead at what all of a group needs. Nothing may have been gathered yet."""
        messages = []
        for batch in batches:
            if len(batch.operations) == 1 and type(first := batch.operations[0]) is ops.Enqueue:
                message = first.message
                if message.limits is not None and message.claim_for is not None and message.group is None:
                    messages.append(message)
        if len(messages) > 1:
            self._admission.expect(messages)

    def take(self, batch: ops.Batch) -> list[Any] | None:
        """The results of a batch that is written with the next `flush`; None for one that is not plain."""
        operations, guards = batch.operations, batch.guards
        first = operations[0] if operations else None
        if len(operations) == 1 and not guards:
            if type(first) is ops.Settle:
                return self._settle(first)
            if type(first) is ops.Enqueue and first.message.group is None:
                return self._enqueue(first.message)
        elif len(operations) == 1 and type(first) is ops.JournalPut:
            return self._put(first, guards)
        elif len(operations) == 2:
            second = operations[1]
            if type(first) is ops.RunBegin and type(second) is ops.JournalPut:
                return self._begin(first, second, guards)
            if type(first) is ops.Settle and type(second) is ops.RunEnd and not guards:
                return self._end(first, second)
        return None

    def _enqueue(self, message: NewMessage) -> list[Any] | None:
        flow = message.flow
        if flow is None:
            row = insert_row(self._transaction, message, self._admission)
            self._inserts.append(row)
        elif flow.dedupe_key is None and flow.debounce_key is None:
            row = insert_row(self._transaction, message, self._admission)
            self._inserts_with_flow.append((*row, *flow_columns(flow, None)))
        else:
            return None
        return [claim_of(message, row)] if row[3] == CLAIMED else _NOTHING

    def _settle(self, operation: ops.Settle) -> list[Any] | None:
        claim = operation.claim
        if claim.group is not None or type(operation.settlement) is not ops.Completed:
            return None
        if claim.concurrency_key is not None:
            self._freed[claim.queue, claim.concurrency_key] += 1
        self._completes.append((claim.seq, claim.id, claim.token))
        return _NOTHING

    def _end(self, settle: ops.Settle, end: ops.RunEnd) -> list[Any] | None:
        if self._settle(settle) is None:
            return None
        self._ends.append(end_row(end))
        self._waits.append(end.run)
        return _NOTHING_TWICE

    def _begin(
        self, begin: ops.RunBegin, put: ops.JournalPut, guards: Sequence[ops.Guard]
    ) -> list[Any] | None:
        if begin.expires or self._put(put, guards) is None:
            return None
        self._begins.append(begin_row(begin))
        return _NOTHING_TWICE

    def _put(self, operation: ops.JournalPut, guards: Sequence[ops.Guard]) -> list[Any] | None:
        if len(guards) != 1 or type(guards[0]) is not ops.ClaimHeld:
            return None
        guard = guards[0]
        self._puts.append((*put_row(self._transaction, operation), guard.seq, guard.id, guard.token))
        return _NOTHING

    def flush(self) -> None:
        """Write what has gathered. Failure: `Mismatch`."""
        connection = self._transaction.connection
        for statement, rows, counted in self._statements:
            if rows:
                before = connection.total_changes()
                connection.executemany(statement, rows)
                if counted and connection.total_changes() - before != len(rows):
                    raise Mismatch
                rows.clear()
        self._admission.keep()
        if self._freed:
            self._let_others_start()

    def _let_others_start(self) -> None:
        """Where places of a key are free, as many of those that wait for it become ready."""
        transaction = self._transaction
        queues = {name: transaction.queue_id(name) for name, _ in self._freed}
        waiting = {name for name, queue in queues.items() if some_wait_apart(transaction, queue)}
        for (name, key), count in self._freed.items():
            if name in waiting:
                let_next_of_key(transaction, queues[name], key, count)
        self._freed.clear()

    def forget(self) -> None:
        """Drop what has gathered."""
        for _, rows, _ in self._statements:
            rows.clear()
        self._admission.forget()
        self._freed.clear()
