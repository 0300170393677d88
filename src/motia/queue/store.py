"""What queues read from storage. Every write goes through `Backend.commit`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from motia.core.message import (
    BulkProgress,
    Claim,
    DeadLetter,
    MessageId,
    NodeId,
    Pause,
    QueueDepth,
    QueuedPayload,
    QueueName,
    ScheduledMessage,
    StoredMessage,
)
from motia.queue.dead_letters import EVERY_LETTER, DeadGroup, DeadLetterQuery


class QueueStore(Protocol):
    """Reads of queues. Each answers from what is committed."""

    def depths(self) -> asyncio.Future[list[QueueDepth]]:
        """Counts of every queue that holds or held something, dead letters included."""
        ...

    def dead_letters(
        self, query: DeadLetterQuery = EVERY_LETTER, *, limit: int = 100, before_seq: int | None = None
    ) -> asyncio.Future[list[DeadLetter]]:
        """Dead letters that fit, the newest first; `before_seq` continues after the last one of a page."""
        ...

    def dead_groups(self, query: DeadLetterQuery = EVERY_LETTER) -> asyncio.Future[list[DeadGroup]]:
        """Dead letters that fit by their queue and cause, the largest group first."""
        ...

    def dead_ids(
        self, query: DeadLetterQuery = EVERY_LETTER
    ) -> asyncio.Future[list[tuple[QueueName, MessageId]]]:
        """Which dead letters fit, the oldest first."""
        ...

    def scheduled(
        self, queue: QueueName | None = None, *, limit: int = 100
    ) -> asyncio.Future[list[ScheduledMessage]]:
        """Messages that become due later, of all queues or of one, the nearest first."""
        ...

    def next_due_at_ms(self) -> asyncio.Future[int | None]:
        """When the nearest scheduled message becomes due, or a rate limit has room again; None = nothing
        waits for a time."""
        ...

    def nodes(self) -> asyncio.Future[Sequence[tuple[NodeId, int, str]]]:
        """Node incarnations that were registered and not recovered: id, pid, path of the lock file."""
        ...

    def messages(self, id_: MessageId) -> asyncio.Future[list[StoredMessage]]:
        """A message in each queue that still holds it, dead letters included; empty once it has ended."""
        ...

    def of_trace(self, trace_id: str, *, limit: int = 10_000) -> asyncio.Future[list[MessageId]]:
        """Messages of a trace that have not ended, dead letters not included. Looks through everything."""
        ...

    def head_of_group(self, queue: QueueName, group: str) -> asyncio.Future[StoredMessage | None]:
        """The oldest message of a FIFO group."""
        ...

    def running(
        self, queue: QueueName, *, concurrency_key: str | None = None, limit: int = 100
    ) -> asyncio.Future[list[StoredMessage]]:
        """Messages of a queue that nodes hold, of one key or of all."""
        ...

    def undelivered(self, *, after_seq: int, limit: int) -> asyncio.Future[list[QueuedPayload]]:
        """What every queue holds that has not ended, dead letters not included, in the order of `seq`."""
        ...

    def claims_of(self, node: NodeId, *, payloads: bool = False) -> asyncio.Future[list[Claim]]:
        """What a node holds, the oldest first; without `payloads` these are empty."""
        ...

    def ready_before(self, message: StoredMessage, *, limit: int = 10_000) -> asyncio.Future[int]:
        """How many ready messages of its queue start before this one, counted up to `limit`."""
        ...

    def rate_free_at_ms(self, queue: QueueName, key: str) -> asyncio.Future[int | None]:
        """When a used-up rate has room again; None = it has."""
        ...

    def pauses(self) -> asyncio.Future[list[Pause]]: ...

    def cancellations(self, node: NodeId) -> asyncio.Future[list[tuple[int, int]]]:
        """Claims of a node that were cancelled and that it has not seen: seq and token."""
        ...

    def bulk(self, bulk: bytes) -> asyncio.Future[BulkProgress | None]:
        """Where an `enqueue_many` stands; None for one that is not known, or no more."""
        ...

    def bulks(self, *, limit: int = 20) -> asyncio.Future[list[tuple[bytes, BulkProgress]]]:
        """The latest bulks, each with where it stands, the newest first."""
        ...
