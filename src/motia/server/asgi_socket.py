"""A client of streams behind somebody else's server: its WebSocket as ASGI messages."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from motia.core.occurrence import Request
from motia.server.sockets import Sockets
from motia.streams.access import Denied
from motia.streams.messages import Burst, Frame

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]


async def serve_socket(
    sockets: Sockets, request: Request, scope: Mapping[str, Any], receive: Receive, send: Send
) -> None:
    """Let the client in, if it may come, and serve it until it goes, or the node drains."""
    await receive()  # websocket.connect
    refusal = sockets.refusal(request)
    context: Any = None
    if refusal is None:
        try:
            context = await sockets.admit(request)
        except Denied as error:
            refusal = (401, f"{error}\n")
    if refusal is not None:
        await _refuse(refusal, scope, send)
        return
    offered = scope.get("subprotocols")
    # Browsers that offer subprotocols refuse a socket that takes none: the first is echoed.
    await send({"type": "websocket.accept", "subprotocol": offered[0] if offered else None})
    await AsgiSocket(sockets, request, context).serve(receive, send)


async def _refuse(refusal: tuple[int, str], scope: Mapping[str, Any], send: Send) -> None:
    status, text = refusal
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close"})  # the server makes a 403 of it
        return
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": text.encode()})


class AsgiSocket:
    """The connection of a session. Pings and the closing handshake are the server's affair.

    What a slow client has not taken is bounded: past that it is told nothing more, and catches up after.
    """

    def __init__(self, sockets: Sockets, request: Request, context: Any) -> None:
        self._sockets = sockets
        self._waiting: list[Frame] = []
        self._waiting_bytes = 0
        self._suspended = False
        self._close: dict[str, Any] | None = None
        self._news = asyncio.Event()
        self._may_read = asyncio.Event()
        self._may_read.set()
        self._session = sockets.session(self, request, context)

    def tell(self, frame: Frame | Burst) -> None:
        if self._suspended or self._close is not None:
            return
        self._waiting += frame.frames
        self._waiting_bytes += sum(len(one.text) for one in frame.frames)
        self._news.set()
        if self._waiting_bytes > self._sockets.buffer_bytes:
            self._suspended = True
            # Not now: the hub is telling, and must not lose a subscriber meanwhile.
            asyncio.get_running_loop().call_soon(self._session.suspend)

    def hold(self, full: bool) -> None:
        if full:
            self._may_read.clear()
        else:
            self._may_read.set()

    def end(self, code: int, reason: str = "") -> None:
        """Close with a code, after what was told before. Safe twice."""
        self._session.close()
        if self._close is None:
            self._close = {"type": "websocket.close", "code": code, "reason": reason}
        self._news.set()

    async def serve(self, receive: Receive, send: Send) -> None:
        """Returns when either side has closed, or the client takes nothing for too long."""
        self._sockets.add_other(self)
        reading = asyncio.ensure_future(self._read(receive))
        reading.add_done_callback(lambda done: self._news.set())
        try:
            with suppress(OSError):  # the client has gone, or takes nothing
                await self._write(send, reading)
                if self._close is None:
                    await reading
                else:
                    # Granian closes nothing while it is asked for a message.
                    reading.cancel()
                    await asyncio.wait([reading])
                    await send(self._close)
        finally:
            self._sockets.remove_other(self)
            self._session.close()
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _read(self, receive: Receive) -> None:
        while self._close is None:
            await self._may_read.wait()
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return
            text: str | None = message.get("text")
            if text is None:
                self.end(1003, "expected text")
            elif len(data := text.encode()) > self._sockets.max_frame_bytes:
                self.end(1009, "message too big")
            else:
                self._session.receive(data)

    async def _write(self, send: Send, reading: asyncio.Future[None]) -> None:
        """Send what is told, until either side closes."""
        while True:
            while self._waiting:
                frames, self._waiting, self._waiting_bytes = self._waiting, [], 0
                for frame in frames:
                    async with asyncio.timeout(self._sockets.patience_s):
                        await send({"type": "websocket.send", "text": frame.text.decode()})
            if self._close is not None or reading.done():
                return
            if self._suspended:
                self._suspended = False
                self._session.resume()
            self._news.clear()
            await self._news.wait()
