"""One HTTP/1.1 connection: parsed by llhttp, answered by a gateway, within deadlines and limits.

Ours and not a server's of the shelf: between the bytes and the handler there is one task and one write
(docs/decisions/0004 has the measurements), and the deadlines, limits and the lingering close are part of it.
Reading and answering stay in one class: they share one phase, and a call between them would be paid by every
request.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import httptools

from motia.core.occurrence import Request
from motia.http.problem import problem
from motia.http.response import HttpResponse
from motia.http.sse import KEEP_ALIVE, MEDIA_TYPE
from motia.server.gateway import Endpoint, Gateway
from motia.server.request_head import asks_for_websocket, head_as_sent, split_target
from motia.server.response_bytes import LAST_CHUNK, chunk_bytes, head_bytes
from motia.settings import LimitSettings

IDLE, HEAD, BODY, HANDLING, CLOSING = range(5)

_REFUSED_LINGER_S = 2.0
"""How long a refused connection stays open, so that its answer arrives before the reset."""
MIN_BODY_BYTES_PER_S = 1024
"""A body that comes at least this fast may take longer than the body deadline."""
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_BODILESS = frozenset({204, 304})
_METHODS = {name.encode(): name for name in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")}


@dataclass(slots=True)
class Shared:
    """What all connections of a server share: its gateway, its limits, and a coarse clock that its sweep
    moves."""

    gateway: Gateway
    limits: LimitSettings
    linger_s: float
    """How long an idle connection stays open in a drain, for a request that is on its way."""
    now_s: float = 0.0
    draining: bool = False
    connections: set[Connection] = field(default_factory=set)
    left: set[asyncio.Task[None]] = field(default_factory=set)
    """Answers being made whose client is gone."""
    header_bytes: int = field(init=False)
    header_read_s: float = field(init=False)
    body_read_s: float = field(init=False)
    keep_alive_s: float = field(init=False)

    def __post_init__(self) -> None:
        # Every request asks for these: of a Pydantic model that takes ten times as long.
        self.header_bytes, self.header_read_s = self.limits.header_bytes, self.limits.header_read_s
        self.body_read_s, self.keep_alive_s = self.limits.body_read_s, self.limits.keep_alive_s


class _Refused(Exception):
    """Ends the parsing of a request that has been found at fault."""


class Connection(asyncio.Protocol):
    """A client connection. `expire` and `check` are called by the server's sweep, never by timers."""

    __slots__ = (
        "_admitted",
        "_body",
        "_body_bytes",
        "_chunk_bytes",
        "_client",
        "_comment",
        "_current",
        "_fault",
        "_gateway",
        "_head_bytes",
        "_head_is_first",
        "_headers",
        "_hosts",
        "_http_1_0",
        "_keep_alive",
        "_length",
        "_listener",
        "_loop",
        "_parser",
        "_pending",
        "_quiet_since_s",
        "_request",
        "_shared",
        "_streaming",
        "_task",
        "_unsent_bytes",
        "_unsent_since_s",
        "_upgrading",
        "_url",
        "_wants_continue",
        "_writable",
        "deadline_s",
        "phase",
        "transport",
    )

    def __init__(self, shared: Shared, listener: str, loop: asyncio.AbstractEventLoop) -> None:
        self._shared = shared
        self._gateway = shared.gateway
        self._listener = listener
        self._loop = loop
        self._parser = httptools.HttpRequestParser(self)
        self.transport: Any = None
        self.phase = HEAD
        self.deadline_s = shared.now_s + shared.header_read_s
        self._client: str | None = None
        # The request that is being read
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._hosts = 0
        self._length = 0
        self._wants_continue = False
        self._request: Request | None = None
        self._admitted: Endpoint | HttpResponse | None = None
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._chunk_bytes = 0
        self._head_bytes = 0
        self._head_is_first = True
        self._upgrading = False
        self._fault = problem(400, detail="The request is not valid HTTP.")
        # The request that is being answered, and those that wait for it
        self._current: Request | None = None
        self._keep_alive = True
        self._http_1_0 = False
        self._streaming = False
        self._comment = b""
        """What keeps a stream of events open that has nothing to say, ready to be written between events."""
        self._quiet_since_s = 0.0
        self._task: asyncio.Task[None] | None = None
        self._pending: deque[tuple[Request, Endpoint | HttpResponse, bool, bool]] = deque()
        self._writable: asyncio.Future[None] | None = None
        self._unsent_bytes = 0
        self._unsent_since_s = 0.0

    # The transport's calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        shared = self._shared
        self.transport = transport
        peer = transport.get_extra_info("peername")
        self._client = peer[0] if isinstance(peer, tuple) else None
        shared.connections.add(self)
        if len(shared.connections) > shared.limits.connections:
            self._refuse(problem(503, detail="The server has as many connections as it takes."))

    def connection_lost(self, error: Exception | None) -> None:
        self._shared.connections.discard(self)
        self.phase = CLOSING
        self._pending.clear()
        self.resume_writing()
        task = self._task
        if task is not None and not task.done():
            self._leave(task)
            if self._streaming:
                # What nobody reads ends; a handler that has not answered goes on: it may have begun work.
                task.cancel()

    def pause_writing(self) -> None:
        if self._writable is None:
            self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        writable, self._writable = self._writable, None
        if writable is not None and not writable.done():
            writable.set_result(None)
        self._next()

    def data_received(self, data: bytes) -> None:
        phase = self.phase
        if phase == CLOSING:
            return
        self._chunk_bytes = len(data)
        self._head_is_first = phase <= HEAD
        if phase == HEAD:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._refuse(self._fault)
            return
        except httptools.HttpParserUpgrade as upgrade:
            self._after_upgrade(data[upgrade.args[0] :])
            return
        if phase == self.phase == HEAD and self._head_bytes > self._shared.header_bytes:
            self._refuse(self._head_too_large())

    # The parser's calls

    def on_message_begin(self) -> None:
        self._url = b""
        self._headers = []
        self._hosts = self._length = 0
        if self.phase != HEAD or not self._head_is_first:
            self.deadline_s = self._shared.now_s + self._shared.header_read_s
        # Of a chunk that begins with the end of an earlier request nobody knows how much is this head.
        self._head_bytes = self._chunk_bytes if self._head_is_first else 0
        self._head_is_first = False
        self.phase = HEAD

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.phase == BODY:
            return  # a trailer: who routed and authorised the request has not seen it
        name = name.lower()
        self._headers.append((name, value))
        if name == b"host":
            self._hosts += 1
        elif name == b"content-length":
            self._length = int(value)
        elif name == b"expect":
            self._wants_continue = value.lower() == b"100-continue"

    def on_headers_complete(self) -> None:
        shared = self._shared
        parser = self._parser
        limit_bytes = shared.header_bytes
        if self._head_bytes > limit_bytes and self._exact_head_bytes() > limit_bytes:
            raise self._fault_is(self._head_too_large())
        if self._hosts != 1 and (self._hosts > 1 or parser.get_http_version() == "1.1"):
            raise self._fault_is(problem(400, detail=f"Expected one Host header, got {self._hosts}."))
        self._head_is_first = False
        raw_path, query = split_target(self._url)
        path = raw_path.decode("latin-1")
        method = parser.get_method()
        request = self._request = Request(
            _METHODS.get(method) or method.decode("ascii"),
            path if "%" not in path else unquote(path),
            "",
            _NO_PARAMS,
            query,
            self._headers,
            b"",
            self._client,
        )
        self.phase = BODY
        self.deadline_s = shared.now_s + shared.body_read_s
        if parser.should_upgrade():
            if method == b"CONNECT":
                raise self._fault_is(problem(501, detail="This server is no proxy."))
            # The parser skips the body: `_after_upgrade` decides what becomes of the request.
            self._upgrading = True
            return
        admitted = self._admitted = self._gateway.admit(request, path, self._listener)
        if self._length or self._wants_continue:
            self._judge_body(request, admitted)

    def _judge_body(self, request: Request, admitted: Endpoint | HttpResponse) -> None:
        """Refuse a body before it is sent, or ask for it."""
        wants_continue, self._wants_continue = self._wants_continue, False
        if isinstance(admitted, HttpResponse):
            if wants_continue or self._length > self._shared.limits.body_bytes:
                raise self._fault_is(self._gateway.finish(request, admitted))
        elif self._length > admitted.max_body_bytes:
            raise self._fault_is(self._gateway.finish(request, too_large(admitted.max_body_bytes)))
        elif wants_continue and self._current is None:
            self.transport.write(_CONTINUE)

    def on_body(self, body: bytes) -> None:
        self._body.append(body)
        self._body_bytes += len(body)
        self.deadline_s += len(body) / MIN_BODY_BYTES_PER_S
        request, admitted = self._request, self._admitted
        assert request is not None
        if isinstance(admitted, HttpResponse):
            # Nobody reads the body of a refused request; a long one is not even waited for.
            self._body.clear()
            if self._body_bytes > self._shared.limits.body_bytes:
                raise self._fault_is(self._gateway.finish(request, admitted))
        elif admitted is not None and self._body_bytes > admitted.max_body_bytes:
            raise self._fault_is(self._gateway.finish(request, too_large(admitted.max_body_bytes)))

    def on_message_complete(self) -> None:
        if self._upgrading:
            return
        request, admitted = self._request, self._admitted
        assert request is not None
        assert admitted is not None
        if self._body:
            request.body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
            self._body.clear()
        self._body_bytes = 0
        self._request = self._admitted = None
        self.phase = HANDLING
        self.deadline_s = math.inf
        keep_alive = self._parser.should_keep_alive()
        http_1_0 = self._parser.get_http_version() == "1.0"
        if self._current is None:
            self._begin(request, admitted, keep_alive, http_1_0)
        else:
            self._pending.append((request, admitted, keep_alive, http_1_0))
            self.transport.pause_reading()

    def _exact_head_bytes(self) -> int:
        return len(self._url) + sum(len(name) + len(value) + 4 for name, value in self._headers)

    def _head_too_large(self) -> HttpResponse:
        limit_bytes = self._shared.header_bytes
        return problem(431, detail=f"The request's head is larger than {limit_bytes} bytes.")

    def _fault_is(self, response: HttpResponse) -> _Refused:
        self._fault = response
        return _Refused()

    # Answering

    def _begin(
        self, request: Request, admitted: Endpoint | HttpResponse, keep_alive: bool, http_1_0: bool
    ) -> None:
        self._current = request
        self._keep_alive = keep_alive
        self._http_1_0 = http_1_0
        if type(admitted) is HttpResponse and type(admitted.body) is bytes:
            self._send(request, admitted)
            return
        self._task = self._loop.create_task(self._answer(request, admitted))

    async def _answer(self, request: Request, admitted: Endpoint | HttpResponse) -> None:
        try:
            if isinstance(admitted, HttpResponse):
                response = admitted
            else:
                response = await admitted.answer(request, lambda early: self._give_up(request, early))
        except Exception as error:
            self._gateway.broke_off(request, error)
            response = problem(500, code="internal")
        if type(response.body) is bytes:
            self._send(request, response)
        elif request is not self._current or request.method == "HEAD":
            self._send(request, response)
            await _close(response.body)
        else:
            await self._stream(request, self._gateway.finish(request, response))

    def _give_up(self, request: Request, response: HttpResponse) -> None:
        if request is self._current and self._task is not None:
            self._leave(self._task)
            self._send(request, response)

    def _leave(self, task: asyncio.Task[None]) -> None:
        """A task goes on without a connection that waits for it."""
        self._shared.left.add(task)
        task.add_done_callback(self._shared.left.discard)

    def _send(self, request: Request, response: HttpResponse) -> None:
        """Write a whole response. One that comes too late, or for nobody, is dropped."""
        transport = self.transport
        if request is not self._current or transport.is_closing():
            return
        response = self._gateway.finish(request, response)
        close = not self._keep_alive or (
            not self._pending and (self._shared.draining or self.phase == CLOSING)
        )
        head = head_bytes(response.status, response.headers, close=close, keep_alive=self._http_1_0)
        body = response.body
        if type(body) is bytes and request.method != "HEAD" and response.status not in _BODILESS:
            head += body
        transport.write(head)
        self._end(close)

    async def _stream(self, request: Request, response: HttpResponse) -> None:
        body = response.body
        assert isinstance(body, AsyncIterator)
        self._streaming = True
        try:
            if request is not self._current or self.transport.is_closing():
                return
            sized = any(name == b"content-length" for name, _ in response.headers)
            chunked = not sized and not self._http_1_0 and response.status not in _BODILESS
            close = not self._keep_alive or self._shared.draining or (not sized and not chunked)
            headers = [*response.headers, (b"transfer-encoding", b"chunked")] if chunked else response.headers
            write = self.transport.write
            write(head_bytes(response.status, headers, close=close, keep_alive=self._http_1_0))
            comment = b""
            if any(name == b"content-type" and value.startswith(MEDIA_TYPE) for name, value in headers):
                comment = self._comment = chunk_bytes(KEEP_ALIVE) if chunked else KEEP_ALIVE
            self._quiet_since_s = self._shared.now_s
            async for data in body:
                write(chunk_bytes(data) if chunked else data)
                if comment:
                    self._quiet_since_s = self._shared.now_s
                    # An author's own bytes may be half an event: nothing may come between.
                    self._comment = comment if data.endswith(b"\n\n") else b""
                if self._writable is not None:
                    await self._writable
            self._comment = b""
            if chunked:
                write(LAST_CHUNK)
            self._streaming = False
            self._end(close)
        except Exception as error:
            # The head is out: all that is left to say is that the body is not complete.
            self.transport.abort()
            self._gateway.broke_off(request, error)
        finally:
            self._streaming = False
            self._comment = b""
            # Also when the client went away: the generator's own clean-up must run.
            await asyncio.shield(_close(body))

    def _end(self, close: bool) -> None:
        """The current response is written: on to the next request, or rest, or go."""
        self._current = self._task = None
        if self._pending and not close:
            # Not now: what is answered at once would be answered inside the answer before it.
            self._loop.call_soon(self._next)
        elif close or self.phase == CLOSING:
            self._pending.clear()
            self.close_soon()
        elif self.phase == HANDLING:
            shared = self._shared
            self.phase = IDLE
            self.deadline_s = shared.now_s + (shared.linger_s if shared.draining else shared.keep_alive_s)

    def _next(self) -> None:
        """Begin the next request that waits; while the client does not read, `resume_writing` will."""
        if not self._pending or self._current is not None or self._writable is not None:
            return
        waiting = self._pending.popleft()
        if not self._pending:
            self.transport.resume_reading()
        self._begin(*waiting)

    def _refuse(self, response: HttpResponse) -> None:
        """Answer a request at fault and close, letting the answer arrive before the connection goes."""
        self.phase = CLOSING
        self.deadline_s = self._shared.now_s + _REFUSED_LINGER_S
        if self._current is not None:  # requests before the bad one are being answered: they come first
            self.deadline_s = math.inf
            return
        if self.transport.is_closing():
            return
        body = response.body
        assert isinstance(body, bytes)
        self.transport.write(head_bytes(response.status, response.headers, close=True) + body)
        # Closing with unread input makes the kernel send a reset, which may overtake the answer.
        self.transport.write_eof()

    # Another protocol takes over

    def _after_upgrade(self, rest: bytes) -> None:
        request = self._request
        assert request is not None
        self._upgrading = False
        self._request = None
        if not asks_for_websocket(request.headers):
            # Not taken up: it is read again as if it had not asked, now with its body.
            version = self._parser.get_http_version()
            request.headers = [line for line in request.headers if line[0] != b"upgrade"]
            self._parser = httptools.HttpRequestParser(self)
            self.data_received(head_as_sent(self._url, request, version) + rest)
            return
        protocol = self._gateway.upgrade(request, self._listener)
        if protocol is None or self._current is not None:
            self._refuse(problem(404, code="route.not_found"))
            return
        shared, transport = self._shared, self.transport
        shared.connections.discard(self)
        self.phase = CLOSING
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        protocol.data_received(head_as_sent(self._url, request, "1.1") + rest)

    # Deadlines and drain, driven by the sweep

    def expire(self) -> None:
        """End what has passed its deadline: an idle connection goes quietly, a slow request gets 408."""
        if self.phase == CLOSING:
            self.transport.abort()
        elif self.phase == IDLE or (self.phase == HEAD and not self._head_bytes):
            self.close_soon()
        else:
            self._refuse(problem(408, detail="The request did not arrive in time."))

    def close_soon(self) -> None:
        """Close once what is written has been sent; abort if the client does not read it."""
        self.phase = CLOSING
        self.deadline_s = self._shared.now_s + self._shared.body_read_s
        self.transport.close()

    def check(self, elapsed_s: float) -> None:
        """Take the time of a client that does not read its answer; keep a silent stream of events open."""
        transport = self.transport
        if transport.is_closing() and self.phase != CLOSING:
            self.close_soon()
        if self._comment and self._shared.now_s - self._quiet_since_s >= self._shared.limits.sse_keep_alive_s:
            self._quiet_since_s = self._shared.now_s
            if self._writable is None:
                transport.write(self._comment)
        if self._writable is not None:
            unsent_bytes = transport.get_write_buffer_size()
            if unsent_bytes != self._unsent_bytes:
                self._unsent_bytes, self._unsent_since_s = unsent_bytes, self._shared.now_s
            elif self._shared.now_s - self._unsent_since_s > self._shared.body_read_s:
                transport.abort()

    def linger(self) -> None:
        """The server drains: what is sent is answered with `Connection: close`; go when nothing comes."""
        if self._current is None and (self.phase == IDLE or (self.phase == HEAD and not self._head_bytes)):
            self.deadline_s = min(self.deadline_s, self._shared.now_s + self._shared.linger_s)

    def cut(self) -> None:
        """End at once, whatever is going on."""
        if self._task is not None:
            self._task.cancel()
        self.transport.abort()


_NO_PARAMS: dict[str, str] = {}


def too_large(limit_bytes: int) -> HttpResponse:
    """The refusal of a body over the limit."""
    return problem(413, code="input.too_large", detail=f"the body is larger than {limit_bytes} bytes")


async def _close(body: Any) -> None:
    close = getattr(body, "aclose", None)
    if close is not None:
        await close()
