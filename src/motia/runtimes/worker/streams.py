"""Items that a worker sends while its result is being answered, taken at the pace of the reader."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any

CREDIT_BYTES = 16 * 1024
"""An item takes one credit, and one more for each so many bytes of its text."""


class IncomingStream(AsyncIterator[Any]):
    """The items of one stream; one reader.

    `give_credit(n)` lets the sender send more, `close` tells it that no more is wanted. *Failure*: reading
    raises what the sender's generator failed with, or that its process is gone.
    """

    def __init__(self, give_credit: Callable[[int], None], close: Callable[[], None], *, credit: int) -> None:
        self._give_credit = give_credit
        self._close = close
        self._items: deque[tuple[Any, int]] = deque()
        """Each with the credit that is given back when it is read."""
        self._allowed = credit
        """Below one the sender has to wait until it gets more credit."""
        self._credit = credit
        self._owed = 0
        self.ended = False
        self._error: BaseException | None = None
        self._waiter: asyncio.Future[None] | None = None
        self.on_done: Callable[[], None] | None = None
        """Called once, when no more items come or are wanted."""

    def put(self, items: list[Any], credit: Any = None) -> bool:
        """Take a chunk; `credit` is what it costs, at least one an item. False where the sender had none for
        it: there has to be some left for each item, and a large one may take more than that."""
        cost = len(items) if credit is None else credit
        if type(cost) is not int or cost < len(items) or self._allowed < len(items):
            return False
        self._allowed -= cost
        if items and not self.ended:
            self._items.extend((item, 1) for item in items[:-1])
            self._items.append((items[-1], cost - len(items) + 1))
            self._wake()
        return True

    def end(self, error: BaseException | None = None) -> None:
        """No more items come."""
        self._error = error
        self._done()
        self._wake()

    def __aiter__(self) -> IncomingStream:
        return self

    async def __anext__(self) -> Any:
        while not self._items:
            if self.ended:
                error, self._error = self._error, None
                if error is not None:
                    raise error
                raise StopAsyncIteration
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        item, cost = self._items.popleft()
        self._owed += cost
        if self._owed * 2 >= self._credit and not self.ended:
            self._allowed += self._owed
            self._give_credit(self._owed)
            self._owed = 0
        return item

    async def aclose(self) -> None:
        """Want no more. Safe twice."""
        self.close()

    def close(self) -> None:
        """As `aclose`."""
        if not self.ended:
            self._done()
            self._close()
        self._items.clear()

    def _done(self) -> None:
        self.ended = True
        on_done, self.on_done = self.on_done, None
        if on_done is not None:
            on_done()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
