"""The control connection between the supervisor and a node: one JSON object a line, both ways."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any, cast

from motia.encoding import decode, encode

_MAX_UNREAD_BYTES = 256 * 1024

Message = dict[str, Any]


class Channel(asyncio.Protocol):
    """One end. `on_message` is called in order on the loop; `on_end` once, when the other end is gone."""

    def __init__(self, on_message: Callable[[Message], None], on_end: Callable[[], None]) -> None:
        self._on_message = on_message
        self._on_end = on_end
        self._unread = b""
        self._unsent = b""
        self._transport: asyncio.Transport | None = None

    async def open(self, end: socket.socket) -> None:
        """Speak over `end`, which the channel owns from here on."""
        end.setblocking(False)
        await asyncio.get_running_loop().create_connection(lambda: self, sock=end)

    def send(self, kind: str, /, **fields: Any) -> None:
        """Send a message; before `open` it waits. Dropped when the other end is gone: see `on_end`."""
        line = encode({"type": kind, **fields}) + b"\n"
        if self._transport is None:
            self._unsent += line
        elif not self._transport.is_closing():
            self._transport.write(line)

    @property
    def congested(self) -> bool:
        """The other end does not read: leave out what can be left out."""
        return self._transport is None or self._transport.get_write_buffer_size() > _MAX_UNREAD_BYTES

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's does not inherit from it
        self._transport.write(self._unsent)
        self._unsent = b""

    def data_received(self, data: bytes) -> None:
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            self._on_message(decode(line))

    def connection_lost(self, exc: Exception | None) -> None:
        self._on_end()
