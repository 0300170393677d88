"""What streams read from storage. Every write goes through `Backend.commit`."""

from __future__ import annotations

import asyncio
from typing import Protocol

from motia.core.stream import LoggedChange, StreamItem, StreamSnapshot


class StreamStore(Protocol):
    """Reads of streams. Each sees every batch whose commit has resolved."""

    def get(self, stream: str, group: str, id: str) -> asyncio.Future[StreamItem | None]:
        """The item, or None."""
        ...

    def snapshot(self, stream: str, group: str, id: str | None = None) -> asyncio.Future[StreamSnapshot]:
        """All items of a group, or the one of that id, with the version they make up.

        *Order*: as they were created; one that was deleted and set again is new.
        """
        ...

    def groups(
        self, stream: str, *, limit: int = 1000, after: str | None = None
    ) -> asyncio.Future[list[str]]:
        """Names of the groups that hold something, sorted."""
        ...

    def deletion(self, stream: str, group: str, id: str) -> asyncio.Future[LoggedChange | None]:
        """The line that says the item was deleted, if it is among the newest 1,000 of its group."""
        ...

    def last_seq(self) -> asyncio.Future[int]:
        """Of the newest line that the change log holds or held; 0 if it never did."""
        ...

    def changes(self, after_seq: int, *, limit: int = 1000) -> asyncio.Future[list[LoggedChange] | None]:
        """Lines of the log after one of them, in order; None where some of these have been trimmed."""
        ...

    def missed(
        self, stream: str, group: str, after_version: int, *, limit: int = 1000
    ) -> asyncio.Future[list[LoggedChange] | None]:
        """Every change of a group after that version, in order, without events.

        None where the log cannot tell: it does not reach back that far, there are more than `limit`, or
        the group never had that version.
        """
        ...
