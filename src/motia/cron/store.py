"""What schedules read from storage."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol


class ScheduleStore(Protocol):
    """Reads of schedules. The mark is written by the `Fire` operation."""

    def marks(self) -> asyncio.Future[Mapping[str, int]]:
        """Schedule key → the latest time (epoch ms) that was fired for it."""
        ...
