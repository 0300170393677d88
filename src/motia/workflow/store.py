"""What workflows read from storage."""

from __future__ import annotations

import asyncio
from typing import Protocol

from motia.core.message import MessageId
from motia.core.workflow import JournalEntry, RunId, RunStatus, RunSummary


class WorkflowStore(Protocol):
    """Reads of runs. Everything is written by the operations of `core.batch`."""

    def journal(self, run: RunId) -> asyncio.Future[list[JournalEntry]]:
        """The entries of a run, in the order in which they came to be; [] for a run that is not known."""
        ...

    def run(self, run: RunId) -> asyncio.Future[RunSummary | None]: ...

    def approvals(self, now_ms: int, *, limit: int = 100) -> asyncio.Future[list[tuple[RunId, JournalEntry]]]:
        """What people are asked and may still answer, the oldest run first."""
        ...

    def of_message(self, message_id: MessageId) -> asyncio.Future[list[RunSummary]]:
        """The runs that one message began, one a step, by the steps' names."""
        ...

    def runs(
        self,
        *,
        status: RunStatus | None = None,
        step: str | None = None,
        before: RunId | None = None,
        limit: int = 100,
    ) -> asyncio.Future[list[RunSummary]]:
        """The latest runs first; `before` continues after the last one of a page."""
        ...
