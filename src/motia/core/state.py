"""One stored value and what is known of it."""

from __future__ import annotations

from typing import NamedTuple


class StateEntry(NamedTuple):
    """One key of a scope. `value` is JSON text."""

    key: str
    value: bytes
    version: int
    expires_at_ms: int | None = None


class StateChange(NamedTuple):
    """What became of a key, or of a whole scope (`key` is None) that was cleared."""

    number: int
    """Without gaps: the changes after one are those of the next numbers."""
    scope: str
    key: str | None
    change: str
    """created, updated, deleted or cleared"""
    version: int
