"""One HTTP connection: uvicorn's protocol, with the deadlines, limits and lingering close it lacks."""

from __future__ import annotations

import asyncio
import logging
import math
from dataclasses import dataclass
from typing import Any

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from motia.settings import LimitSettings

IDLE, HEAD, BODY, HANDLING, CLOSING = range(5)

_REFUSED_LINGER_S = 2.0
"""How long a refused connection stays open, so that its answer arrives before the reset."""
MIN_BODY_BYTES_PER_S = 1024
"""A body that comes at least this fast may take longer than the body deadline."""

# What clients send wrong is answered, not logged: a log line per bad request is a second attack.
_LOGGER = logging.getLogger("motia.server")
_LOGGER.setLevel(logging.ERROR)


@dataclass(slots=True)
class Pace:
    """What all connections of a server share: its limits and a coarse clock that its sweep moves."""

    limits: LimitSettings
    now_s: float
    linger_s: float
    """How long an idle connection stays open in a drain, for a request that is on its way."""
    draining: bool = False


class _Refused(Exception):
    """Ends the parsing of a request that has been found at fault."""


class Connection(HttpToolsProtocol):
    """A client connection. `expire` and `check_writer` are called by the server's sweep, never by timers."""

    def __init__(
        self, config: Config, server_state: ServerState, *, app_state: dict[str, Any], pace: Pace
    ) -> None:
        super().__init__(config, server_state, app_state, asyncio.get_running_loop())
        self.logger = _LOGGER
        self.pace = pace
        self.phase = HEAD
        self.deadline_s = pace.now_s + pace.limits.header_read_s
        self._fault = (400, "The request is not valid HTTP.")
        self._chunk_bytes = 0
        self._head_bytes = 0
        self._head_is_first = True
        self._marked: object = None
        self._unsent_bytes = 0
        self._unsent_since_s = 0.0

    # Reading

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.pace.limits.connections:
            self._refuse(503, "The server has as many connections as it takes.")

    def data_received(self, data: bytes) -> None:
        phase = self.phase
        if phase == CLOSING:
            return
        self._chunk_bytes = len(data)
        self._head_is_first = phase <= HEAD
        if phase == HEAD:
            self._head_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self._refuse(*self._fault)
        except httptools.HttpParserUpgrade:
            if self._should_upgrade():
                self.handle_websocket_upgrade()
                return
        if phase == self.phase == HEAD and self._head_bytes > self.pace.limits.header_bytes:
            self._refuse(431, f"The request's head is larger than {self.pace.limits.header_bytes} bytes.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self.phase != HEAD or not self._head_is_first:
            self.deadline_s = self.pace.now_s + self.pace.limits.header_read_s
        # Of a chunk that begins with the end of an earlier request nobody knows how much is this head.
        self._head_bytes = self._chunk_bytes if self._head_is_first else 0
        self._head_is_first = False
        self.phase = HEAD

    def on_headers_complete(self) -> None:
        limit_bytes = self.pace.limits.header_bytes
        if self._head_bytes > limit_bytes and self._exact_head_bytes() > limit_bytes:
            self._fault = (431, f"The request's head is larger than {limit_bytes} bytes.")
            raise _Refused
        hosts = [name for name, _ in self.headers].count(b"host")
        if hosts != 1 and (hosts > 1 or self.parser.get_http_version() == "1.1"):
            self._fault = (400, f"Expected one Host header, got {hosts}.")
            raise _Refused
        previous = self.cycle
        self._head_is_first = False
        super().on_headers_complete()
        self.phase = BODY
        self.deadline_s = self.pace.now_s + self.pace.limits.body_read_s
        if self.pace.draining and self.cycle is not previous:
            if previous is not None and previous is self._marked and not previous.response_started:
                previous.keep_alive = True  # a pipelined request follows: that one closes
            self._mark_last()

    def _exact_head_bytes(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        self.deadline_s += len(body) / MIN_BODY_BYTES_PER_S

    def on_message_complete(self) -> None:
        super().on_message_complete()
        if self.cycle is not None and self.cycle.response_complete:
            self._rest()
        else:
            self.phase = HANDLING
            self.deadline_s = math.inf

    # Answering

    def on_response_complete(self) -> None:
        # In place of the base class's, which sets a timer per response: idleness is the sweep's to see.
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self.phase == CLOSING:
            self.transport.close()
        elif self.phase == HANDLING:
            self._rest()

    def _rest(self) -> None:
        self.phase = IDLE
        self.deadline_s = self.pace.now_s + (
            self.pace.linger_s if self.pace.draining else self.pace.limits.keep_alive_s
        )

    def _refuse(self, status: int, detail: str) -> None:
        """Answer with a problem document and close, letting the answer arrive before the connection goes."""
        self.phase = CLOSING
        self.deadline_s = self.pace.now_s + _REFUSED_LINGER_S
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            if not cycle.more_body:  # requests before the bad one are being answered: they come first
                self.deadline_s = math.inf
                self._mark_last()
                return
            cycle.disconnected = True
            cycle.message_event.set()
            if cycle.response_started:
                self.transport.close()
                return
        if self.transport.is_closing():
            return
        status_line = STATUS_LINE[status]
        title = status_line.split(b" ", 2)[2].strip().decode()
        body = f'{{"type":"about:blank","title":"{title}","status":{status},"detail":"{detail}"}}'.encode()
        retry = b"retry-after: 1\r\n" if status == 503 else b""
        self.transport.write(
            status_line
            + b"content-type: application/problem+json\r\ncontent-length: %d\r\n" % len(body)
            + retry
            + b"connection: close\r\n\r\n"
            + body
        )
        # Closing with unread input makes the kernel send a reset, which may overtake the answer.
        self.transport.write_eof()

    # Deadlines and drain, driven by the sweep

    def expire(self) -> None:
        """End what has passed its deadline: an idle connection goes quietly, a slow request gets 408."""
        if self.phase == CLOSING:
            self.transport.abort()
        elif self.phase == IDLE or (self.phase == HEAD and not self._head_bytes):
            self.close_soon()
        else:
            self._refuse(408, "The request did not arrive in time.")

    def close_soon(self) -> None:
        """Close once what is written has been sent; abort if the client does not read it."""
        self.phase = CLOSING
        self.deadline_s = self.pace.now_s + self.pace.limits.body_read_s
        self.transport.close()

    def check(self, elapsed_s: float) -> None:
        """Give time back where the client is not to blame, take it where it does not read its answer."""
        transport = self.transport
        if self.phase == BODY and (self.flow.read_paused or self.cycle.waiting_for_100_continue):
            self.deadline_s += elapsed_s
        if transport.is_closing() and self.phase != CLOSING:
            self.close_soon()
        if self.flow.write_paused:
            unsent_bytes = transport.get_write_buffer_size()
            if unsent_bytes != self._unsent_bytes:
                self._unsent_bytes, self._unsent_since_s = unsent_bytes, self.pace.now_s
            elif self.pace.now_s - self._unsent_since_s > self.pace.limits.body_read_s:
                transport.abort()

    def linger(self) -> None:
        """The server drains: answer what is sent with `Connection: close`, go when nothing more comes."""
        if self.cycle is not None and not self.cycle.response_complete:
            self._mark_last()
        elif self.phase == IDLE or (self.phase == HEAD and not self._head_bytes):
            self.deadline_s = min(self.deadline_s, self.pace.now_s + self.pace.linger_s)

    def _mark_last(self) -> None:
        # A response whose head has gone out said keep-alive: its connection lingers afterwards instead.
        if self.cycle.keep_alive and not self.cycle.response_started:
            self.cycle.keep_alive = False
            self._marked = self.cycle
