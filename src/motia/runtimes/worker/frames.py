"""Lines in, without any I/O: bytes become messages, those that came in parts put together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from motia.runtimes.worker.values import from_wire

Message = dict[str, Any]


class ProtocolError(Exception):
    """What the other side sent is no message of the protocol. The connection cannot go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameLimits:
    """How long lines and whole messages may be."""

    frame_bytes: int = 1024 * 1024
    message_bytes: int = 32 * 1024 * 1024
    message_parts: int = 4
    """Parts of long messages that may be under way: the credit that a sender begins with."""


class FrameReader:
    """Bytes of one connection, in any pieces, as messages.

    *Failure*: `ProtocolError` for what is no message; the reader is of no use after it. `open_stream` is
    called for every stream a message announces, `took_part` for every part: the sender may send another.
    """

    def __init__(
        self, limits: FrameLimits, open_stream: Callable[[int], Any], took_part: Callable[[], None]
    ) -> None:
        self._limits = limits
        self._open_stream = open_stream
        self._took_part = took_part
        self._rest = bytearray()
        self._long: int | None = None
        """Number of the message that comes in parts now."""
        self._pieces: list[str] = []
        self._piece_chars = 0

    def feed(self, data: bytes) -> list[Message]:
        """The messages that are complete now, in order."""
        if self._rest:
            # Only what is new can hold the end of a line; the rest was looked at before.
            if b"\n" not in data:
                self._keep(data)
                return []
            data = bytes(self._rest) + data
            self._rest.clear()
        lines = data.split(b"\n")
        if rest := lines.pop():
            self._keep(rest)
        limit_bytes = self._limits.frame_bytes
        messages = []
        for line in lines:
            if len(line) > limit_bytes:
                raise ProtocolError(f"expected lines of at most {limit_bytes} bytes")
            message = self._message(line)
            if message is not None:
                messages.append(message)
        return messages

    def _keep(self, data: bytes) -> None:
        if len(self._rest) + len(data) > self._limits.frame_bytes:
            raise ProtocolError(f"expected lines of at most {self._limits.frame_bytes} bytes")
        self._rest += data

    def _message(self, line: bytes, *, whole: bool = False) -> Message | None:
        try:
            message = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise ProtocolError(f"expected JSON, got {line[:80]!r}: {error}") from error
        if type(message) is not dict:
            raise ProtocolError(f"expected an object, got {line[:80]!r}")
        if message.get("method") == "part":
            if whole:
                raise ProtocolError("part: expected the text of a message, got a part of a part")
            return self._part(message.get("params"))
        if b"$" in line:
            try:
                found = from_wire(message, self._open_stream)
            except (ValueError, RecursionError) as error:
                raise ProtocolError(str(error)) from error
            if type(found) is not dict:
                raise ProtocolError(f"expected a message, got {line[:80]!r}")
            message = found
        return message

    def _part(self, params: Any) -> Message | None:
        match params:
            case {"message": int(number), "text": str(text), "last": bool(last)}:
                pass
            case _:
                raise ProtocolError("part: expected message, text and last")
        if self._long is not None and number != self._long:
            raise ProtocolError(f"part: expected the parts of message {self._long}, got one of {number}")
        self._piece_chars += len(text)
        if self._piece_chars > self._limits.message_bytes:
            raise ProtocolError(f"expected messages of at most {self._limits.message_bytes} bytes")
        self._pieces.append(text)
        self._took_part()
        if not last:
            self._long = number
            return None
        pieces, self._pieces = self._pieces, []
        self._long, self._piece_chars = None, 0
        try:
            whole = "".join(pieces).encode()
        except UnicodeEncodeError as error:
            raise ProtocolError("part: expected text that UTF-8 can carry") from error
        return self._message(whole, whole=True)
