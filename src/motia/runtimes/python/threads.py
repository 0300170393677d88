"""A bounded pool for `def` handlers that knows which of its threads never came back."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any


class Work:
    """A function on its way through the pool: `result` is what it returns."""

    __slots__ = ("_function", "given_up", "result", "started")

    def __init__(self, function: Callable[[], Any]) -> None:
        self._function = function
        self.started = False
        self.given_up = False
        """Nobody waits for it any more; if it has not started, it never will."""
        self.result: asyncio.Future[Any]

    def run(self) -> Any:
        if self.given_up:
            return None
        self.started = True
        try:
            return self._function()
        except StopIteration as error:
            # A future cannot hold it.
            raise RuntimeError("the handler raised StopIteration") from error


class NoThreadError(Exception):
    """The system starts no more threads: what was to run in one has not begun, and is not at fault."""


class Threads:
    """Runs blocking functions. A thread cannot be stopped: one that outlives its handler's timeout is
    abandoned and counted until it ends."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._pool = ThreadPoolExecutor(size, thread_name_prefix="motia-step")
        self._abandoned = 0
        self._refused = False

    def run(self, function: Callable[[], Any]) -> Work:
        """Run a function as soon as a thread is free, in the caller's context variables.

        Failure: `NoThreadError`; the function will not run.
        """
        work = Work(function)
        context = contextvars.copy_context()
        try:
            work.result = asyncio.get_running_loop().run_in_executor(self._pool, context.run, work.run)
        except RuntimeError as error:
            # The pool has queued it all the same.
            work.given_up = True
            self._refused = True
            raise NoThreadError(str(error)) from error
        return work

    def abandon(self, work: Work) -> None:
        """Nobody waits for it any more: it never starts, or is counted until it ends."""
        work.given_up = True
        if work.started:
            self._abandoned += 1
            work.result.add_done_callback(self._came_back)

    def _came_back(self, done: asyncio.Future[Any]) -> None:
        self._abandoned -= 1
        if not done.cancelled():
            # Its result has no reader, and its failure was told as a timeout.
            done.exception()

    @property
    def worn(self) -> str | None:
        """Why the process should be replaced: a quarter of the pool never came back, or it cannot grow."""
        if self._abandoned * 4 > self._size:
            return f"handlers that never ended hold {self._abandoned} of {self._size} threads"
        if self._refused:
            return "the system starts no more threads for it; do steps start threads that never end?"
        return None

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
