"""What workflows read from storage."""

from __future__ import annotations

import asyncio
from typing import Protocol

from motia.core.workflow import JournalEntry, RunId, RunStatus, RunSummary


class WorkflowStore(Protocol):
    """Reads of runs. Everything is written by the operations of `core.batch`."""

    def journal(self, run: RunId) -> asyncio.Future[list[JournalEntry]]:
        """The entries of a run, in the order in which they came to be; [] for a run that is not known."""
        ...

    def run(self, run: RunId) -> asyncio.Future[RunSummary | None]: ...

    def runs(
        self, *, status: RunStatus | None = None, step: str | None = None, limit: int = 100
    ) -> asyncio.Future[list[RunSummary]]:
        """The latest runs first."""
        ...
