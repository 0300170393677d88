"""One stored value and what is known of it."""

from __future__ import annotations

from typing import NamedTuple


class StateEntry(NamedTuple):
    """One key of a scope. `value` is JSON text."""

    key: str
    value: bytes
    version: int
    expires_at_ms: int | None = None
