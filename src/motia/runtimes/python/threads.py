"""A bounded pool for `def` handlers that knows which of its threads never came back."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any


class Threads:
    """Runs blocking functions. A thread cannot be stopped: one that outlives its handler's timeout is
    abandoned and counted until it ends."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._pool = ThreadPoolExecutor(size, thread_name_prefix="motia-step")
        self._abandoned = 0

    def run(self, work: Callable[[], Any]) -> asyncio.Future[Any]:
        """The function's result, in the caller's context variables."""
        context = contextvars.copy_context()
        return asyncio.get_running_loop().run_in_executor(self._pool, context.run, work)

    def abandon(self, running: asyncio.Future[Any]) -> None:
        """Nobody waits for it any more."""
        self._abandoned += 1
        running.add_done_callback(self._came_back)

    def _came_back(self, done: asyncio.Future[Any]) -> None:
        self._abandoned -= 1
        if not done.cancelled():
            # Its result has no reader, and its failure was told as a timeout.
            done.exception()

    @property
    def worn(self) -> str | None:
        """Why the process should be replaced, once a quarter of the pool never came back."""
        if self._abandoned * 4 > self._size:
            return f"{self._abandoned} of {self._size} threads run handlers that never ended"
        return None

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
