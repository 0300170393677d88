"""Response bodies that a generator makes while they are sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any, Literal

from motia.http import sse
from motia.http.bad_result import bad_result
from motia.http.json_body import json_bytes

Framing = Literal["plain", "events"]

_END = object()
_NOT_READ = object()


class Stream(AsyncIterator[bytes]):
    """Chunks of the items that a generator yields; a sync generator runs in threads, one step at a time.

    One reader. Bytes and text go out as they are, anything else as a line of JSON; in `events` framing each
    item is one server-sent event. With framing None the first item decides: an event object or anything but
    text and bytes makes it `events`. Failure: what the generator raises, or `handler.bad_result`.
    """

    __slots__ = ("_async_items", "_first", "_framing", "_running", "_sync_items")

    def __init__(self, items: Any, framing: Framing | None = None) -> None:
        self._async_items: AsyncIterator[Any] | None = None
        self._sync_items: Iterator[Any] = iter(())
        if hasattr(items, "__aiter__"):
            self._async_items = items.__aiter__()
        else:
            self._sync_items = iter(items)
        self._framing = framing
        self._first: Any = _NOT_READ
        self._running: asyncio.Future[Any] | None = None

    async def start(self) -> bytes:
        """Wait for the first item and say the content type that fits; what it raises can still be a 500."""
        if self._first is _NOT_READ:
            self._first = await self._next_item()
        first = self._first
        if self._framing is None:
            plain = first is _END or isinstance(first, str | bytes | bytearray | memoryview)
            self._framing = "plain" if plain else "events"
        if self._framing == "events":
            return sse.CONTENT_TYPE
        return b"text/plain; charset=utf-8" if isinstance(first, str) else b"application/octet-stream"

    def __aiter__(self) -> Stream:
        return self

    async def __anext__(self) -> bytes:
        if self._framing is None:
            await self.start()
        item = self._first
        if item is _NOT_READ:
            item = await self._next_item()
        elif item is not _END:
            self._first = _NOT_READ
        if item is _END:
            self._first = _END
            raise StopAsyncIteration
        return self._chunk(item)

    async def aclose(self) -> None:
        """Stop the generator, so that its `finally` runs. Safe twice, and before anything was read."""
        self._first = _END
        if self._framing is None:
            self._framing = "plain"
        if self._async_items is not None:
            close = getattr(self._async_items, "aclose", None)
            if close is not None:
                await close()
            return
        if self._running is not None and not self._running.done():
            # A generator cannot be closed while a thread is inside it.
            await asyncio.wait([self._running])
        close = getattr(self._sync_items, "close", None)
        if close is not None:
            await asyncio.to_thread(close)

    async def _next_item(self) -> Any:
        if self._async_items is not None:
            return await anext(self._async_items, _END)
        step = asyncio.to_thread(next, self._sync_items, _END)
        self._running = asyncio.ensure_future(step)
        return await asyncio.shield(self._running)

    def _chunk(self, item: Any) -> bytes:
        if self._framing == "events":
            return sse.event_bytes(item)
        if isinstance(item, bytes):
            return item
        if isinstance(item, str):
            try:
                return item.encode()
            except UnicodeEncodeError as error:
                raise bad_result("$[]", "text that UTF-8 can carry", "a lone surrogate") from error
        if isinstance(item, bytearray | memoryview):
            return bytes(item)
        return json_bytes(item) + b"\n"


def is_stream(value: Any) -> bool:
    """Whether the value yields its items over time: an async iterable, a generator or another iterator."""
    kind = type(value)
    return hasattr(kind, "__aiter__") or hasattr(kind, "__next__")
