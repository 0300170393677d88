"""Streams as server-sent events, for `curl` and `EventSource`: `GET /__motia/streams/<name>/<group>`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import parse_qs, unquote

from motia.core.occurrence import Request
from motia.engine.stream_session import Session
from motia.http.problem import problem
from motia.http.response import HttpResponse
from motia.http.sse import CONTENT_TYPE, KEEP_ALIVE, MEDIA_TYPE
from motia.server.gateway import GiveUp
from motia.server.sockets import Sockets
from motia.streams.access import Denied
from motia.streams.messages import Burst, Frame, Join

PREFIX = "/__motia/streams/"
_KEEP_ALIVE_S = 15.0
_RETRY = b"retry: 2000\n\n"


class StreamEndpoint:
    """Answers a request for an event stream; `?id=` follows one item, `Last-Event-ID` resumes."""

    max_body_bytes = 0

    def __init__(self, sockets: Sockets, raw_path: str) -> None:
        self._sockets = sockets
        self._raw_path = raw_path

    async def answer(self, request: Request, give_up: GiveUp) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            return problem(405, code="route.method_not_allowed", headers={"allow": "GET, HEAD"})
        names = [unquote(part) for part in self._raw_path[len(PREFIX) :].split("/")]
        if len(names) != 2 or not all(names):
            return problem(404, code="route.not_found", detail=f"expected {PREFIX}<name>/<group>")
        refused = self._sockets.refusal(request)
        if refused is not None:
            return problem(refused[0], code="streams.refused", detail=refused[1].strip())
        try:
            context = await self._sockets.admit(request)
        except Denied as error:
            return problem(401, code="access.unauthenticated", detail=str(error))
        query = parse_qs(request.query_string.decode("latin-1"))
        id_ = query.get("id", [None])[0]
        stream = EventStream(self._sockets)
        session = self._sockets.session(stream, request, context)
        stream.session = session
        joined = await session.join(Join(names[0], names[1], id_, "", _last_event_id(request), extended=True))
        if not joined:
            session.close()
            return problem(
                403, code="access.denied", detail="there is no such stream, or you may not follow it"
            )
        self._sockets.add_other(stream)
        headers = [
            (b"content-type", CONTENT_TYPE),
            (b"cache-control", b"no-cache"),
            (b"x-accel-buffering", b"no"),
        ]
        return HttpResponse(200, headers, stream)


class EventStream(AsyncIterator[bytes]):
    """The connection of a session whose frames leave as server-sent events.

    What a slow client has not taken is bounded: past that it is told nothing more, and catches up after.
    """

    def __init__(self, sockets: Sockets) -> None:
        self.session: Session | None = None
        self._sockets = sockets
        self._limit_bytes = sockets.buffer_bytes
        self._waiting: list[bytes] = [_RETRY]
        self._waiting_bytes = 0
        self._suspended = False
        self._ended = False
        self._news = asyncio.Event()

    def tell(self, frame: Frame | Burst) -> None:
        if self._suspended:
            return
        data = frame.sse
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        self._news.set()
        if self._waiting_bytes > self._limit_bytes and self.session is not None:
            self._suspended = True
            # Not now: the hub is telling, and must not lose a subscriber meanwhile.
            asyncio.get_running_loop().call_soon(self.session.suspend)

    def hold(self, full: bool) -> None:
        """Nothing is read from this client."""

    def end(self, code: int, reason: str = "") -> None:
        self._ended = True
        self._news.set()

    def __aiter__(self) -> EventStream:
        return self

    async def __anext__(self) -> bytes:
        """What is to be sent, as it happens."""
        while not self._waiting:
            if self._ended or (self.session is not None and not self.session.follows):
                raise StopAsyncIteration
            if self._suspended and self.session is not None:
                self._suspended = False
                self.session.resume()
            self._news.clear()
            try:
                async with asyncio.timeout(_KEEP_ALIVE_S):
                    await self._news.wait()
            except TimeoutError:
                return KEEP_ALIVE
        data, self._waiting = b"".join(self._waiting), []
        self._waiting_bytes = 0
        return data

    async def aclose(self) -> None:
        """Follow nothing more. No generator: one that was never read would not come to its `finally`."""
        self._sockets.remove_other(self)
        if self.session is not None:
            self.session.close()


def asks_for_events(request: Request) -> bool:
    """Whether the client names event streams as what it wants, as `EventSource` does."""
    return any(name == b"accept" and MEDIA_TYPE in value for name, value in request.headers)


def _last_event_id(request: Request) -> int | None:
    value = next((value for name, value in request.headers if name == b"last-event-id"), b"")
    return int(value) if value.isdigit() and len(value) <= 16 else None
