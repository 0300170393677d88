"""What state reads from storage. Every write goes through `Backend.commit`."""

from __future__ import annotations

import asyncio
from typing import Protocol

from motia.core.state import StateEntry

__all__ = ["StateEntry", "StateStore"]


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
