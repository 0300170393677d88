"""`Backend` over the dictionaries of one `MemoryStore`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from motia.backends.memory.operations import Operations
from motia.backends.memory.reads import MemoryQueueStore, MemoryScheduleStore, MemoryStateStore
from motia.backends.memory.store import MemoryStore
from motia.backends.memory.stream_reads import MemoryStreamStore
from motia.backends.memory.workflow import MemoryWorkflowStore
from motia.backends.protocol import Capabilities, Otherwise, Then, answered
from motia.core.batch import Batch
from motia.core.message import NodeId
from motia.cron.store import ScheduleStore
from motia.errors import BackendError, InternalError, MotiaError
from motia.queue.store import QueueStore
from motia.state.store import StateStore
from motia.streams.store import StreamStore
from motia.workflow.store import WorkflowStore


class MemoryBackend:
    """Messages, state and schedules for as long as `store` lives.

    Nodes given the same store are one system. *Concurrency*: all of them live on one event loop.
    """

    capabilities = Capabilities(durable=False, survives_power_loss=False, shared=True)

    def __init__(self, store: MemoryStore, node: NodeId) -> None:
        self.node = node
        self.queue: QueueStore = MemoryQueueStore(store)
        self.state: StateStore = MemoryStateStore(store)
        self.schedule: ScheduleStore = MemoryScheduleStore(store)
        self.workflow: WorkflowStore = MemoryWorkflowStore(store)
        self.streams: StreamStore = MemoryStreamStore(store)
        self._store = store
        self._operations = Operations(store)
        self._listeners: list[Callable[[], None]] = []
        self._change_listeners: list[Callable[[], None]] = []
        self._news_listeners: list[Callable[[bytes], None]] = []
        self._open = False

    async def open(self) -> None:
        if not self._open:
            self._open = True
            self._store.wakers.append(self._wake)
            self._store.change_wakers.append(self._wake_of_changes)
            self._store.news_wakers.append(self._hear)

    async def close(self) -> None:
        if self._open:
            self._open = False
            self._store.wakers.remove(self._wake)
            self._store.change_wakers.remove(self._wake_of_changes)
            self._store.news_wakers.remove(self._hear)

    def commit(
        self, batch: Batch, then: Then | None = None, otherwise: Otherwise | None = None
    ) -> asyncio.Future[Any]:
        try:
            if not self._open:
                raise BackendError("memory: is not open", code="backend.closed")
            results = self._operations.apply(batch)
        except MotiaError as error:
            return answered(error, then, otherwise)
        except Exception as error:
            failure = InternalError(f"the commit failed: {error!r}", code="internal.writer")
            failure.__cause__ = error
            return answered(failure, then, otherwise)
        if self._operations.made_changes:
            for wake in self._store.change_wakers:
                asyncio.get_running_loop().call_soon(wake)
        if self._operations.made_ready:
            for wake in self._store.wakers:
                asyncio.get_running_loop().call_soon(wake)
        return answered(results, then, otherwise)

    def on_work(self, listener: Callable[[], None]) -> None:
        self._listeners.append(listener)

    def on_change(self, listener: Callable[[], None]) -> None:
        self._change_listeners.append(listener)

    def on_news(self, listener: Callable[[bytes], None]) -> None:
        self._news_listeners.append(listener)

    def tell_nodes(self, news: bytes) -> None:
        for hear in self._store.news_wakers:
            if hear != self._hear:
                asyncio.get_running_loop().call_soon(hear, news)

    worn = None

    def pending_operations(self) -> int:
        return 0

    def _wake(self) -> None:
        if self._open:
            for listener in self._listeners:
                listener()

    def _wake_of_changes(self) -> None:
        if self._open:
            for listener in self._change_listeners:
                listener()

    def _hear(self, news: bytes) -> None:
        if self._open:
            for listener in self._news_listeners:
                listener(news)
