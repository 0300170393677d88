"""Futures of calls that a handler began: results made into others, and carried to another thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future as ThreadFuture
from typing import NoReturn, TypeVar

from motia.core.calls import Calls
from motia.errors import HandlerError

T = TypeVar("T")
U = TypeVar("U")


class Reading(asyncio.Future[T]):
    """What a read will give. A handler that forgot to await it is told so, where a plain future would be
    true, equal to nothing, and empty in a loop."""

    __slots__ = ()

    def __bool__(self) -> bool:
        raise _not_awaited()

    def __iter__(self) -> NoReturn:
        raise _not_awaited()

    def __eq__(self, other: object) -> bool:
        if isinstance(other, asyncio.Future):
            return self is other
        raise _not_awaited()

    __hash__ = asyncio.Future.__hash__


def _not_awaited() -> HandlerError:
    return HandlerError(
        "expected the value of a call of the context, got the call itself, which nobody awaited",
        code="context.not_awaited",
        hint="write `await` before it, as in `await ctx.state.get(…)`",
    )


def is_not_awaited(error: BaseException) -> bool:
    """Whether an error is Python's own for a call that was taken for its value."""
    text = str(error)
    return isinstance(error, TypeError | AttributeError) and any(
        f"'{name}'" in text for name in ("Reading", "_asyncio.Future", "coroutine")
    )


def mapped(
    calls: Calls, future: asyncio.Future[T], then: Callable[[T], U], *, reads: bool = False
) -> asyncio.Future[U]:
    """A future of `then(result)`; already done when `future` is. Who looks at it has looked at both."""
    result: asyncio.Future[U] = Reading(loop=calls.loop) if reads else calls.loop.create_future()

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
