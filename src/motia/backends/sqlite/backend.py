"""`Backend` over one SQLite file: opens it, joins its parts, wakes who must be woken."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw

from motia.backends.protocol import Capabilities, Otherwise, Then, answered
from motia.backends.sqlite.checkpoint import Checkpointer
from motia.backends.sqlite.connection import (
    connect,
    has_moved,
    let_go,
    migrate,
    moved,
    refuse_network_file_system,
)
from motia.backends.sqlite.guard import Guarded, guard, release
from motia.backends.sqlite.notifier import CHANGES, NEWS, WORK, Notifier
from motia.backends.sqlite.queue_reads import SqliteQueueStore
from motia.backends.sqlite.reads import Reader, SqliteScheduleStore, SqliteStateStore
from motia.backends.sqlite.stream_reads import SqliteStreamStore
from motia.backends.sqlite.workflow_reads import SqliteWorkflowStore
from motia.backends.sqlite.writer import Writer
from motia.core.batch import Batch
from motia.core.message import NodeId
from motia.cron.store import ScheduleStore
from motia.errors import BackendError
from motia.queue.store import QueueStore
from motia.state.store import StateStore
from motia.streams.store import StreamStore
from motia.workflow.store import WorkflowStore

_POLL_S = 0.25
"""Backstop for lost wake-ups: how often the file is asked whether another process wrote to it."""


class SqliteBackend:
    """Messages, state and schedules in one file. `folder_for_sockets` None = this is the only node."""

    capabilities = Capabilities(durable=True, survives_power_loss=True, shared=True)
    queue: QueueStore
    state: StateStore
    schedule: ScheduleStore
    workflow: WorkflowStore
    streams: StreamStore

    def __init__(
        self, path: Path, node: NodeId, *, folder_for_sockets: Path | None = None, vfs: str | None = None
    ) -> None:
        self.path = path
        self._node = node
        self._folder_for_sockets = folder_for_sockets
        self._vfs = vfs
        self._writer: Writer | None = None
        self._reader: Reader | None = None
        self._notifier: Notifier | None = None
        self._checkpointer = Checkpointer(path.with_name("checkpoint.lock"))
        self._listeners: list[Callable[[], None]] = []
        self._change_listeners: list[Callable[[], None]] = []
        self._news_listeners: list[Callable[[bytes], None]] = []
        self._poll: asyncio.TimerHandle | None = None
        self._guarded: Guarded = frozenset()
        self._data_version = 0
        self._poll_count = 0

    async def open(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise BackendError(
                f"{self.path.parent}: cannot be made ({error.strerror})",
                code="backend.unavailable",
                hint="set data_dir to a folder that can be written",
            ) from error
        refuse_network_file_system(self.path.parent)
        loop = asyncio.get_running_loop()
        connection = await loop.run_in_executor(None, self._connect_and_migrate)
        self._checkpointer.try_elect()
        self._checkpointer.attach(connection)
        self._guarded = guard(self.path)
        self._writer = Writer(connection, self.path, loop, self._after_commit)
        self._writer.start()
        self._reader = Reader(self.path, lambda: connect(self.path, write=False, vfs=self._vfs))
        self.queue = SqliteQueueStore(self._reader)
        self.state = SqliteStateStore(self._reader)
        self.schedule = SqliteScheduleStore(self._reader)
        self.workflow = SqliteWorkflowStore(self._reader)
        self.streams = SqliteStreamStore(self._reader)
        if self._folder_for_sockets is not None:
            self._notifier = Notifier(self._folder_for_sockets, self._node.hex()[-16:], self._hear)
        self._poll = loop.call_later(_POLL_S, self._look_for_foreign_writes)

    def _connect_and_migrate(self) -> apsw.Connection:
        connection = connect(self.path, write=True, vfs=self._vfs)
        try:
            migrate(connection, self.path)
        except BaseException:
            let_go(connection)
            raise
        return connection

    async def close(self) -> None:
        if self._poll is not None:
            self._poll.cancel()
            self._poll = None
        if self._notifier is not None:
            self._notifier.close()
            self._notifier = None
        if self._writer is not None:
            self._writer.run_between(let_go)
            await self._writer.close()
            self._writer = None
        if self._reader is not None:
            await self._reader.close()
            self._reader = None
            release(self._guarded)
        self._checkpointer.release()

    def commit(
        self, batch: Batch, then: Then | None = None, otherwise: Otherwise | None = None
    ) -> asyncio.Future[Any]:
        if self._writer is None:
            error = BackendError(f"{self.path}: is not open", code="backend.closed")
            return answered(error, then, otherwise)
        return self._writer.commit(batch, then, otherwise)

    def on_work(self, listener: Callable[[], None]) -> None:
        self._listeners.append(listener)

    def on_change(self, listener: Callable[[], None]) -> None:
        self._change_listeners.append(listener)

    def on_news(self, listener: Callable[[bytes], None]) -> None:
        self._news_listeners.append(listener)

    def tell_nodes(self, news: bytes) -> None:
        if self._notifier is not None:
            self._notifier.tell_others(NEWS + news)

    def pending_operations(self) -> int:
        return 0 if self._writer is None else self._writer.pending

    @property
    def worn(self) -> str | None:
        gone = self._reader is not None and has_moved(self._reader.point)
        return moved(self.path).message if gone else None

    @property
    def commits(self) -> int:
        """Transactions this node has committed; each costs one sync of the disk."""
        return 0 if self._writer is None else self._writer.commits

    def _after_commit(self, made_ready: bool, made_changes: bool) -> None:
        for made, wake, letter in (
            (made_changes, self._wake_change_listeners, CHANGES),
            (made_ready, self._wake_listeners, WORK),
        ):
            if made:
                wake()
                if self._notifier is not None:
                    self._notifier.tell_others(letter)

    def _hear(self, datagram: bytes) -> None:
        if datagram == WORK:
            self._wake_listeners()
        elif datagram == CHANGES:
            self._wake_change_listeners()
        else:
            for listener in self._news_listeners:
                listener(datagram[len(NEWS) :])

    def _wake_listeners(self) -> None:
        for listener in self._listeners:
            listener()

    def _wake_change_listeners(self) -> None:
        for listener in self._change_listeners:
            listener()

    def _look_for_foreign_writes(self) -> None:
        if self._reader is None or self._writer is None:
            return
        # Armed first: what is raised below must not end the looking.
        self._poll = asyncio.get_running_loop().call_later(_POLL_S, self._look_for_foreign_writes)
        version = int(self._reader.point.execute("PRAGMA data_version").get)
        if version != self._data_version:
            self._data_version = version
            self._wake_listeners()
            self._wake_change_listeners()
        self._poll_count += 1
        if self._poll_count % 4 == 0:
            self._writer.run_between(self._checkpointer.run)
