"""One open transaction: its numbers, its queues, and the operations applied inside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import apsw

from motia.core import batch as ops
from motia.core.message import QueueName

_NUMBERS_AHEAD = 1000
"""Numbers that are taken from the file at once, so that not every transaction writes its counter. Those that
are left when another node takes some, or this one ends, are never given."""


class Transaction:
    """Applies operations inside one open transaction. Lives in the writer thread.

    What it has read it keeps for as long as nobody else writes: `begin` forgets it where another connection
    has committed, or its own last transaction was rolled back.
    """

    def __init__(
        self,
        connection: apsw.Connection,
        apply: Mapping[type, Callable[[Transaction, Any], Any]],
        check: Mapping[type, Callable[[Transaction, Any], None]],
    ) -> None:
        self.connection = connection
        self._apply = apply
        self._check = check
        self.execute = connection.execute
        self._queue_ids: dict[QueueName, int] = {}
        self._new_queues: list[QueueName] = []
        self._version: int | None = None
        """Of the file, as this connection left it; None = what is kept may be wrong."""
        self._counter: int | None = None
        self._counter_stored = 0
        self._backlog: dict[int, bool] = {}
        self._pauses: set[Any] | None = None
        self._watched_until_ms: int | None = None
        self.written_starts: dict[tuple[int, str], tuple[str, list[list[int]]]] = {}
        """What was last written of the rate of a key, as text and as it was; see `queue_lanes`."""
        self.made_ready = False
        """A message was left for any node to take."""
        self.made_changes = False
        """The change log grew."""

    def begin(self) -> None:
        self.execute("BEGIN IMMEDIATE")
        if self.connection.data_version() != self._version:
            self._counter = None
            self._counter_stored = 0
            self._backlog.clear()
            self._pauses = None
            self._watched_until_ms = None
        elif True in self._backlog.values():
            # What waited may have been taken or ended since.
            self._backlog.clear()
        self._new_queues.clear()
        self.made_ready = self.made_changes = False

    def commit(self) -> None:
        if self._counter is not None and self._counter > self._counter_stored:
            self._counter_stored = self._counter + _NUMBERS_AHEAD
            self.execute("UPDATE counter SET value = ?", (self._counter_stored,))
        self.execute("COMMIT")
        self._version = self.connection.data_version()

    def rollback(self) -> None:
        if self.connection.in_transaction:
            self.execute("ROLLBACK")
        self._version = None
        self._forget_queues_after(0)
        self.made_ready = self.made_changes = False

    def _forget_queues_after(self, count: int) -> None:
        """The queues that this transaction made, but for the first `count`, do not exist."""
        for name in self._new_queues[count:]:
            self._queue_ids.pop(name, None)
        del self._new_queues[count:]

    def apply_apart(self, batch: ops.Batch) -> list[Any]:
        """`apply`, but what a failing batch did is undone and the transaction goes on without it."""
        before = len(self._new_queues)
        self.execute("SAVEPOINT batch")
        try:
            results = self.apply(batch)
        except BaseException:
            # After some errors, such as a full disk, SQLite has ended the transaction by itself.
            if self.connection.in_transaction:
                self.execute("ROLLBACK TO batch")
                self.execute("RELEASE batch")
            self._backlog.clear()
            self._pauses = None
            self._watched_until_ms = None
            self._forget_queues_after(before)
            raise
        self.execute("RELEASE batch")
        return results

    def next_number(self) -> int:
        """The next of the numbers that order deliveries and version state. Never given twice."""
        if self._counter is None:
            self._counter = self._counter_stored = int(self.execute("SELECT value FROM counter").get)
        self._counter += 1
        return self._counter

    def queue_id(self, name: QueueName) -> int:
        """The number of a queue, which is given one if it has none."""
        found = self._queue_ids.get(name) or self.known_queue_id(name)
        if found is None:
            insert = "INSERT INTO queues (topic, step) VALUES (?, ?) RETURNING id"
            found = self._queue_ids[name] = int(self.execute(insert, name).get)
            self._new_queues.append(name)
        return found

    def known_queue_id(self, name: QueueName) -> int | None:
        """The number of a queue; None where nothing was ever stored in it."""
        found = self._queue_ids.get(name)
        if found is None:
            found = self.execute("SELECT id FROM queues WHERE topic = ? AND step = ?", name).get
            if found is not None:
                self._queue_ids[name] = found
        return found

    def is_paused(self, name: QueueName) -> bool:
        """Whether nothing may be taken from the queue."""
        if self._pauses is None:
            self._pauses = set(self.execute("SELECT topic, step FROM pauses"))
        if not self._pauses:
            return False
        return not self._pauses.isdisjoint((name, (name.topic, "*"), ("*", name.step), ("*", "*")))

    def forget_pauses(self) -> None:
        self._pauses = None

    def state_is_watched(self, now_ms: int) -> bool:
        """Whether somebody wants to know what is changed in state."""
        if self._watched_until_ms is None:
            self._watched_until_ms = int(self.execute("SELECT until_at FROM state_watch").get)
        return now_ms < self._watched_until_ms

    def forget_watch(self) -> None:
        self._watched_until_ms = None

    def has_backlog(self, queue: int, name: QueueName) -> bool:
        """Whether a message waits in the queue, so that a new one must not be claimed before it, or the
        queue is paused."""
        known = self._backlog.get(queue)
        if known is None and self.is_paused(name):
            known = self._backlog[queue] = True
        if known is None:
            row = self.execute(
                "SELECT 1 FROM deliveries WHERE queue = ? AND state = 0 LIMIT 1", (queue,)
            ).fetchone()
            known = self._backlog[queue] = row is not None
        return known

    def forget_backlog(self) -> None:
        """Any queue may have a backlog now."""
        self._backlog.clear()

    def note_ready(self, queue: int) -> None:
        self._backlog[queue] = True
        self.made_ready = True

    def apply(self, batch: ops.Batch) -> list[Any]:
        """Check the guards, then run the operations in order; one result each."""
        self.check(batch)
        return self.run(batch)

    def check(self, batch: ops.Batch) -> None:
        """Raise `ConflictError` if a guard does not hold."""
        for guard in batch.guards:
            self._check[type(guard)](self, guard)

    def run(self, batch: ops.Batch) -> list[Any]:
        return [self._apply[type(operation)](self, operation) for operation in batch.operations]
