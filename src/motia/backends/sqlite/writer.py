"""Group commit: one thread merges the batches that wait into one transaction.

The thread is idle until a batch arrives, then takes everything that waits. While a transaction is being
synced the next group gathers, so the number of syncs falls as the load rises.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import apsw

from motia.backends.protocol import Otherwise, Then, answered
from motia.backends.sqlite.connection import log_moved, moved, translated
from motia.backends.sqlite.guard import identity_of
from motia.backends.sqlite.merging import Merged
from motia.backends.sqlite.operations import APPLY, CHECK
from motia.backends.sqlite.transaction import Transaction
from motia.core.batch import Batch
from motia.errors import BackendError, ConflictError, InternalError, MotiaError

_MOST_BATCHES = 2000
"""Of one transaction: bounds how long the first of a group waits for the last."""

Pending = tuple[Batch, "asyncio.Future[Any]", Then | None, Otherwise | None]


class Writer:
    """Owns the only connection that writes. `commit` may be called from the loop's thread only."""

    def __init__(
        self,
        connection: apsw.Connection,
        path: Path,
        loop: asyncio.AbstractEventLoop,
        after_commit: Callable[[bool, bool], None],
    ) -> None:
        self._connection = connection
        self._path = path
        self._names = str(path), f"{path}-wal"
        self._files = [identity_of(name) for name in self._names]
        self._loop = loop
        self._after_commit = after_commit
        self._transaction = Transaction(connection, APPLY, CHECK)
        self._merged = Merged(self._transaction)
        self._queue: SimpleQueue[Pending | Callable[[apsw.Connection], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="motia-writer", daemon=True)
        self._pending = 0
        self._closed = False
        self.commits = 0
        """Transactions committed."""

    def start(self) -> None:
        self._thread.start()

    def commit(
        self, batch: Batch, then: Then | None = None, otherwise: Otherwise | None = None
    ) -> asyncio.Future[Any]:
        if self._closed:
            error = BackendError(f"{self._path}: the backend is closed", code="backend.closed")
            return answered(error, then, otherwise)
        future: asyncio.Future[Any] = self._loop.create_future()
        self._pending += len(batch.operations)
        self._queue.put((batch, future, then, otherwise))
        return future

    def run_between(self, work: Callable[[apsw.Connection], None]) -> None:
        """Run `work` with the writer's connection between two transactions."""
        self._queue.put(work)

    @property
    def pending(self) -> int:
        return self._pending

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._queue.put(None)
        await self._loop.run_in_executor(None, self._thread.join)

    # The thread -------------------------------------------------------------------------------------

    def _run(self) -> None:
        closing = False
        while not closing:
            group: list[Pending] = []
            work: list[Callable[[apsw.Connection], None]] = []
            item = self._queue.get()
            while True:
                if item is None:
                    closing = True
                elif isinstance(item, tuple):
                    group.append(item)
                else:
                    work.append(item)
                if len(group) >= _MOST_BATCHES or self._queue.empty():
                    break
                item = self._queue.get_nowait()
            if group:
                try:
                    results = self._commit_group([pending[0] for pending in group])
                except Exception as error:
                    # It could not even be undone. The thread must live: without it every commit would wait.
                    results = [self._failure(error) for _ in group]
                made = (self._transaction.made_ready, self._transaction.made_changes)
                self._tell(partial(self._deliver, group, results, made))
            for run in work:
                try:
                    run(self._connection)
                except Exception as error:
                    # As above.
                    context = {"message": "work between two transactions failed", "exception": error}
                    self._tell(partial(self._loop.call_exception_handler, context))

    def _tell(self, callback: Callable[[], None]) -> None:
        try:
            self._loop.call_soon_threadsafe(callback)
        except RuntimeError:
            # The loop is closed: nobody is left to be told; what was committed stays committed.
            return

    def _deliver(self, group: list[Pending], results: list[Any], made: tuple[bool, bool]) -> None:
        for (batch, future, then, otherwise), result in zip(group, results, strict=True):
            self._pending -= len(batch.operations)
            failed = type(result) is not list
            give = otherwise if failed else then
            if give is not None:
                try:
                    result, failed = give(result), False
                except Exception as error:
                    # It costs its own caller the answer, not those that wait behind it.
                    result, failed = error, True
            if future.done():
                continue
            if failed:
                future.set_exception(result)
            else:
                future.set_result(result)
        self._after_commit(*made)

    def _commit_group(self, batches: list[Batch]) -> list[Any]:
        """One result or exception a batch."""
        try:
            # Not by `has_moved`: that takes twice as long where the processor has been idle.
            file, log = map(identity_of, self._names)
            if file != self._files[0]:
                return [moved(self._path) for _ in batches]
            if log != self._files[1]:
                return [log_moved(self._path) for _ in batches]
            self._transaction.begin()
        except apsw.Error as error:
            # Nobody got the lock: to try again a batch at a time would only multiply the wait.
            self._transaction.rollback()
            return [self._failure(error) for _ in batches]
        try:
            return self._together(batches)
        except Exception:
            # Some batch must fail. What it was comes out below, where each is tried within its own savepoint.
            self._transaction.rollback()
        try:
            return self._apart(batches)
        except apsw.Error:
            # The file failed, not a batch: smaller transactions may still succeed, as on a full disk.
            self._transaction.rollback()
        made_ready = made_changes = False
        results: list[Any] = []
        for batch in batches:
            try:
                results += self._apart([batch])
            except apsw.Error as error:
                self._transaction.rollback()
                results.append(self._failure(error))
            made_ready = made_ready or self._transaction.made_ready
            made_changes = made_changes or self._transaction.made_changes
        self._transaction.made_ready, self._transaction.made_changes = made_ready, made_changes
        return results

    def _apart(self, batches: list[Batch]) -> list[Any]:
        """Apply the group in one transaction, without those that fail; raises what the file raises."""
        transaction = self._transaction
        transaction.begin()
        results: list[Any] = []
        for batch in batches:
            try:
                results.append(transaction.apply_apart(batch))
            except apsw.Error:
                raise
            except Exception as error:
                results.append(self._failure(error))
        transaction.commit()
        self.commits += 1
        return results

    def _failure(self, error: Exception) -> MotiaError:
        if isinstance(error, MotiaError):
            return error
        if isinstance(error, apsw.Error):
            failure: MotiaError = translated(error, self._path)
        else:
            failure = InternalError(f"the writer failed: {error!r}", code="internal.writer")
        failure.__cause__ = error
        return failure

    def _together(self, batches: list[Batch]) -> list[Any]:
        """Apply the group in the open transaction and commit it.

        Runs of plain operations, which are nearly all of a busy queue, become one statement a kind.
        """
        transaction, merged = self._transaction, self._merged
        merged.forget()
        merged.expect(batches)
        results: list[Any] = []
        for batch in batches:
            taken = merged.take(batch)
            if taken is None:
                merged.flush()
                try:
                    transaction.check(batch)
                except ConflictError as conflict:
                    # Guards come before any write, so the transaction is as it was.
                    results.append(conflict)
                    continue
                taken = transaction.run(batch)
            results.append(taken)
        merged.flush()
        transaction.commit()
        self.commits += 1
        return results
