"""A response that a handler writes piece by piece instead of returning it: `request.response`."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Generator, Mapping
from typing import Any

_MOST_WAITING = 64


class Responder:
    """`response.status(200)`, `response.headers({…})`, `response.stream.write(text)`, `response.close()`.

    *Order*: the first piece sends status and headers; later ones change nothing. Without any piece they are
    sent when the handler returns None. *Concurrency*: from `async def` each call may be awaited, and `write`
    then waits while the client lags behind; from `def` it waits by itself. *Failure*: writing raises
    `BrokenPipeError` once the client has left or the response was closed.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._head: dict[str, Any] = {}
        self._pieces: deque[Any] = deque()
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._open = True
        self.begun = asyncio.Event()
        """Set by the first piece."""

    def status(self, status_code: int) -> Awaitable[None]:
        """Answer with this status."""
        self._head["status"] = status_code
        return _DONE

    def headers(self, headers: Mapping[str, str]) -> Awaitable[None]:
        """Answer with these headers too."""
        self._head["headers"] = {**self._head.get("headers", {}), **headers}
        return _DONE

    @property
    def stream(self) -> Responder:
        """What `write` is called on."""
        return self

    writer = stream

    def write(self, piece: bytes | str) -> Awaitable[None]:
        """Send a piece."""
        if _on_loop():
            self._put(piece)
            return _Room(self._room)
        asyncio.run_coroutine_threadsafe(self._write(piece), self._loop).result()
        return _DONE

    def close(self) -> Awaitable[None]:
        """Write nothing more. The response ends with the handler."""
        self._open = False
        return _DONE

    end = close

    @property
    def head(self) -> Mapping[str, Any]:
        """The status and the headers, as far as they were said."""
        return self._head

    async def body(self, handler: asyncio.Task[Any]) -> AsyncIterator[Any]:
        """The pieces, until the handler has ended. Failure: what the handler raises. Closing it early, as
        when the client leaves, cancels the handler."""
        handler.add_done_callback(lambda _: self._news.set())
        try:
            while self._pieces or not handler.done():
                if not self._pieces:
                    self._news.clear()
                    await self._news.wait()
                    continue
                piece = self._pieces.popleft()
                if len(self._pieces) < _MOST_WAITING:
                    self._room.set()
                yield piece
            await handler
        finally:
            self._open = False
            self._room.set()
            handler.cancel()

    async def _write(self, piece: bytes | str) -> None:
        self._put(piece)
        await self._room.wait()

    def _put(self, piece: bytes | str) -> None:
        if not self._open:
            raise BrokenPipeError(
                "response: expected one that is open, got one that ended or whose client left"
            )
        self._pieces.append(piece)
        if len(self._pieces) >= _MOST_WAITING:
            self._room.clear()
        self.begun.set()
        self._news.set()


class _Done:
    def __await__(self) -> Generator[Any, None, None]:
        yield from ()


class _Room:
    """Waits for room when it is awaited, and is nothing otherwise."""

    __slots__ = ("_room",)

    def __init__(self, room: asyncio.Event) -> None:
        self._room = room

    def __await__(self) -> Generator[Any, None, None]:
        yield from self._room.wait().__await__()


_DONE = _Done()


def _on_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
