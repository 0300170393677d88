"""Streams, read and followed from a test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from motia import encoding
from motia.engine.streams import Streams
from motia.streams.hub import Subscription
from motia.streams.messages import Burst, Frame
from motia.streams.store import StreamStore

_LIMIT_S = 10.0


class Follower:
    """What a subscriber was told: `frames` so far, `await next()` for the next one."""

    def __init__(self) -> None:
        self.frames: list[Any] = []
        self._waiting: asyncio.Queue[Any] = asyncio.Queue()

    def tell(self, frame: Frame | Burst) -> None:
        for one in frame.frames:
            told = encoding.decode(one.text)
            self.frames.append(told)
            self._waiting.put_nowait(told)

    async def next(self, limit_s: float = _LIMIT_S) -> Any:
        """The next frame, decoded, as in the reference of the wire."""
        async with asyncio.timeout(limit_s):
            return await self._waiting.get()


class StreamsView:
    """`app.streams` of a test: `await app.streams.get("chat", group, id)`."""

    def __init__(self, store: Callable[[], StreamStore], streams: Callable[[], Streams]) -> None:
        self._store = store
        self._streams = streams

    async def get(self, stream: str, group: str, id: str) -> Any:
        """The item, or None."""
        item = await self._store().get(stream, group, id)
        return None if item is None else encoding.decode(item.data)

    async def group(self, stream: str, group: str) -> list[Any]:
        """All items of a group, in the order of their creation."""
        return [encoding.decode(item.data) for item in (await self._store().snapshot(stream, group)).items]

    @asynccontextmanager
    async def follow(self, stream: str, group: str, id: str | None = None) -> AsyncIterator[Follower]:
        """Be told of a group, or of one item of it, past all access control; the first frame is a `sync`."""
        self._streams().definition(stream)
        follower = Follower()
        subscription = Subscription(follower, stream, group, id, extended=True)
        hub = self._streams().hub
        await hub.follow(subscription)
        try:
            yield follower
        finally:
            hub.leave(subscription)
