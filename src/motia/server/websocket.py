"""One WebSocket: the handshake and frames of the `websockets` library's sans-I/O protocol on our transport.

What is told to many is written to the transport as it is: the bytes of a frame are made once for all.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, cast

from websockets.frames import Frame as WireFrame
from websockets.frames import Opcode
from websockets.http11 import Request as Handshake
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from motia.core.occurrence import Request
from motia.engine.stream_session import Session
from motia.streams.access import Denied
from motia.streams.messages import Burst, Frame

if TYPE_CHECKING:
    from motia.server.sockets import Sockets

_PING = b"\x89\x00"
# What clients send wrong is answered, not logged: a log line per bad frame is a second attack.
_LOGGER = logging.getLogger("motia.server.websocket")
_LOGGER.setLevel(logging.CRITICAL)


class WebSocket(asyncio.Protocol):
    """A client's socket. `check` is called by the sweep of all sockets, never by a timer of its own."""

    __slots__ = (
        "_alive",
        "_closing_since_s",
        "_deaf_since_s",
        "_message",
        "_opening",
        "_protocol",
        "_request",
        "_session",
        "_sockets",
        "_transport",
        "_write",
    )

    def __init__(self, request: Request, sockets: Sockets) -> None:
        self._request = request
        self._sockets = sockets
        self._protocol = ServerProtocol(
            select_subprotocol=_first_offered, max_size=sockets.max_frame_bytes, logger=_LOGGER
        )
        self._session: Session | None = None
        self._opening: asyncio.Task[None] | None = None
        self._message: list[bytes] = []
        self._alive = True
        self._deaf_since_s: float | None = None
        self._closing_since_s: float | None = None

    # The transport's calls --------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        self._write = self._transport.write
        self._transport.set_write_buffer_limits(high=self._sockets.buffer_bytes)
        self._sockets.add(self)

    def data_received(self, data: bytes) -> None:
        self._alive = True
        self._protocol.receive_data(data)
        if self._opening is None:
            self._handle_events()

    def eof_received(self) -> None:
        self._protocol.receive_eof()

    def connection_lost(self, error: Exception | None) -> None:
        self._sockets.remove(self)
        if self._opening is not None:
            self._opening.cancel()
        if self._session is not None:
            self._session.close()

    def pause_writing(self) -> None:
        """The client reads too slowly: it is told nothing more until it has read what was sent."""
        self._deaf_since_s = self._sockets.now_s
        if self._session is not None:
            self._session.suspend()

    def resume_writing(self) -> None:
        self._deaf_since_s = None
        if self._session is not None:
            self._session.resume()

    # The session's calls ----------------------------------------------------------------------------

    def tell(self, frame: Frame | Burst) -> None:
        self._write(frame.websocket)

    def hold(self, full: bool) -> None:
        if not self._transport.is_closing():
            (self._transport.pause_reading if full else self._transport.resume_reading)()

    def end(self, code: int, reason: str = "") -> None:
        """Close with a code, after what was written before. Safe twice, and before it is open."""
        if self._session is not None:
            self._session.close()
        if self._closing_since_s is not None:
            return
        self._closing_since_s = self._sockets.now_s
        if self._protocol.state is OPEN:
            self._protocol.send_close(code, reason)
            self._flush()
        else:
            self._transport.close()

    def check(self, now_s: float, *, ping: bool) -> None:
        """End what does not answer, does not read, or does not close; ask the others for a sign of life."""
        sockets = self._sockets
        deaf = self._deaf_since_s is not None and now_s - self._deaf_since_s > sockets.patience_s
        closing = self._closing_since_s is not None and now_s - self._closing_since_s > sockets.patience_s
        if deaf or closing or (ping and not self._alive):
            self._transport.abort()
        elif ping and self._protocol.state is OPEN and self._closing_since_s is None:
            self._alive = False
            if self._deaf_since_s is None:
                self._write(_PING)

    # The handshake ----------------------------------------------------------------------------------

    async def _open(self, handshake: Handshake) -> None:
        protocol = self._protocol
        response = protocol.accept(handshake)
        context: Any = None
        if response.status_code == 101:
            refusal = self._sockets.refusal(self._request)
            if refusal is None:
                try:
                    context = await self._sockets.admit(self._request)
                except Denied as error:
                    refusal = (401, f"{error}\n")
            if refusal is not None:
                response = protocol.reject(*refusal)
        protocol.send_response(response)
        self._opening = None
        self.hold(False)
        self._flush()
        if protocol.state is not OPEN:
            return
        self._session = self._sockets.session(self, self._request, context)
        if self._deaf_since_s is not None:
            self._session.suspend()
        self._handle_events()

    # Frames -----------------------------------------------------------------------------------------

    def _handle_events(self) -> None:
        for event in self._protocol.events_received():
            if isinstance(event, Handshake):
                # Who is not let in yet is not listened to: frames would gather without a bound.
                self.hold(True)
                self._opening = asyncio.ensure_future(self._open(event))
                return
            if isinstance(event, WireFrame) and self._closing_since_s is None:
                self._handle_frame(event)
        self._flush()

    def _handle_frame(self, frame: WireFrame) -> None:
        if frame.opcode is Opcode.BINARY:
            self.end(1003, "expected text")
        elif frame.opcode in (Opcode.TEXT, Opcode.CONT):
            self._message.append(bytes(frame.data))
            if not frame.fin:
                return
            text, self._message = b"".join(self._message), []
            try:
                text.decode()
            except UnicodeDecodeError:
                self.end(1007, "expected UTF-8")
                return
            if self._session is not None:
                self._session.receive(text)

    def _flush(self) -> None:
        """Send what the protocol answers by itself: pongs, close frames, the end of the connection."""
        for data in self._protocol.data_to_send():
            if data:
                self._write(data)
            elif self._transport.can_write_eof():
                self._transport.write_eof()
            else:
                self._transport.close()
        if self._protocol.close_expected():
            # The client closes: were we to, input it still sends would cut off our last words.
            if self._session is not None:
                self._session.close()
            if self._closing_since_s is None:
                self._closing_since_s = self._sockets.now_s


def _first_offered(protocol: ServerProtocol, offered: Any) -> Any:
    """Browsers that offer subprotocols refuse a socket that takes none: the first is echoed."""
    return offered[0] if offered else None
