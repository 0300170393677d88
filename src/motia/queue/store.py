"""What queues read from storage. Every write goes through `Backend.commit`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from motia.core.message import DeadLetter, NodeId, QueueDepth, QueueName, ScheduledMessage


class QueueStore(Protocol):
    """Reads of queues. Each answers from what is committed."""

    def depths(self) -> asyncio.Future[list[QueueDepth]]:
        """Counts of every queue that holds or held something, dead letters included."""
        ...

    def dead_letters(
        self, queue: QueueName | None = None, *, limit: int = 100, before_seq: int | None = None
    ) -> asyncio.Future[list[DeadLetter]]:
        """Dead letters, the newest first; `before_seq` continues after the last one of a page."""
        ...

    def scheduled(self, *, limit: int = 100) -> asyncio.Future[list[ScheduledMessage]]:
        """Messages that become due later, the nearest first."""
        ...

    def next_due_at_ms(self) -> asyncio.Future[int | None]:
        """When the nearest scheduled message becomes due, or a rate limit has room again; None = nothing
        waits for a time."""
        ...

    def nodes(self) -> asyncio.Future[Sequence[tuple[NodeId, int, str]]]:
        """Node incarnations that were registered and not recovered: id, pid, path of the lock file."""
        ...
