"""Futures of calls that a handler began: results made into others, and carried to another thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future as ThreadFuture
from typing import TypeVar

from motia.core.calls import Calls

T = TypeVar("T")
U = TypeVar("U")


def mapped(calls: Calls, future: asyncio.Future[T], then: Callable[[T], U]) -> asyncio.Future[U]:
    """A future of `then(result)`; already done when `future` is. Who looks at it has looked at both."""
    result: asyncio.Future[U] = calls.loop.create_future()

    def finish(done: asyncio.Future[T]) -> None:
        if result.done():
            return
        if done.cancelled():
            result.cancel()
        elif (error := done.exception()) is not None:
            result.set_exception(error)
            # The mark that nobody saw it has gone over to this one.
            calls.watch(result)
        else:
            result.set_result(then(done.result()))

    if future.done():
        finish(future)
    else:
        future.add_done_callback(finish)
    return result


def carry_over(done: asyncio.Future[T], crossing: ThreadFuture[T]) -> None:
    """Settle a future that another thread waits for as `done` was settled."""
    if done.cancelled():
        crossing.cancel()
    elif (error := done.exception()) is not None:
        crossing.set_exception(error)
    else:
        crossing.set_result(done.result())
