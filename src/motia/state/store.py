"""What state reads from storage. Every write goes through `Backend.commit`."""

from __future__ import annotations

import asyncio
from typing import Protocol

from motia.core.state import StateChange, StateEntry

__all__ = ["KEPT_CHANGES", "StateChange", "StateEntry", "StateStore"]

KEPT_CHANGES = 4096
"""So many of the newest changes are kept for who watches."""


class StateStore(Protocol):
    """Reads of state. An entry whose expiry has passed is not there."""

    def get(self, scope: str, key: str, now_ms: int) -> asyncio.Future[StateEntry | None]:
        """The entry, or None. Sees every batch whose commit has resolved."""
        ...

    def entries(
        self, scope: str, now_ms: int, *, limit: int | None = None, after_key: str | None = None
    ) -> asyncio.Future[list[StateEntry]]:
        """Entries of a scope, by key."""
        ...

    def scopes(
        self, now_ms: int, *, limit: int = 1000, after: str | None = None
    ) -> asyncio.Future[list[str]]:
        """Names of the scopes that hold something, sorted."""
        ...

    def changes(self, after: int, *, limit: int = 1000) -> asyncio.Future[list[StateChange] | None]:
        """The changes after a number, in order, as far as they were watched.

        None where some of them are not known: nobody watched, or they were more than are kept.
        """
        ...
