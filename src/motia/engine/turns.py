"""The order of the reads and writes of an atomic block."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Turns:
    """Lets reads and writes take effect in the order of the calls, awaited or not."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._begun = 0

    @property
    def free(self) -> bool:
        """Nothing that was called before is still to take effect."""
        return self._begun == 0

    def take(self, work: Callable[[], Awaitable[T]]) -> Coroutine[Any, Any, T]:
        """`work`, once everything is done that was called before this."""
        self._begun += 1
        return self._take(work)

    async def _take(self, work: Callable[[], Awaitable[T]]) -> T:
        try:
            async with self._lock:
                return await work()
        finally:
            self._begun -= 1
