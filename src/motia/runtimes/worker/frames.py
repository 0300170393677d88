"""Lines in and out, without any I/O: bytes become messages, messages become lines of bounded length."""

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


class FrameReader:
    """Bytes of one connection, in any pieces, as messages.

    *Failure*: `ProtocolError` for what is no message; the reader is of no use after it. `open_stream` is
    called for every stream a message announces.
    """

    def __init__(self, limits: FrameLimits, open_stream: Callable[[int], Any]) -> None:
        self._limits = limits
        self._open_stream = open_stream
        self._rest = bytearray()
        self._parts: dict[int, list[str]] = {}
        self._part_bytes = 0

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
        self._keep(lines.pop())
        messages = []
        for line in lines:
            if len(line) > self._limits.frame_bytes:
                raise ProtocolError(f"expected lines of at most {self._limits.frame_bytes} bytes")
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
        if b'"$' in line:
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
        self._part_bytes += len(text)
        if self._part_bytes > self._limits.message_bytes:
            raise ProtocolError(f"expected messages of at most {self._limits.message_bytes} bytes")
        pieces = self._parts.setdefault(number, [])
        pieces.append(text)
        if not last:
            return None
        del self._parts[number]
        self._part_bytes -= sum(map(len, pieces))
        try:
            whole = "".join(pieces).encode()
        except UnicodeEncodeError as error:
            raise ProtocolError("part: expected text that UTF-8 can carry") from error
        return self._message(whole, whole=True)


class FrameWriter:
    """Messages of one connection as lines."""

    def __init__(self, limits: FrameLimits) -> None:
        self._limits = limits
        self._parts = 0

    def lines(self, text: bytes) -> list[bytes]:
        """The lines that carry one message; each ends with a line feed.

        *Failure*: `MessageTooLong` beyond `message_bytes`; nothing of it may be sent then.
        """
        return [text + b"\n"] if len(text) <= self._limits.frame_bytes else self.parts(text)

    def parts(self, text: bytes) -> list[bytes]:
        """As `lines`, for a message that is longer than a frame."""
        if len(text) > self._limits.message_bytes:
            raise MessageTooLong(len(text), self._limits.message_bytes)
        self._parts += 1
        whole = text.decode()
        # A character takes at most four bytes, and at most two more where JSON escapes it.
        step = (self._limits.frame_bytes - 128) // 4
        return [
            self._part(whole[at : at + step], last=at + step >= len(whole))
            for at in range(0, len(whole), step)
        ]

    def _part(self, text: str, *, last: bool) -> bytes:
        params = {"message": self._parts, "text": text, "last": last}
        return orjson.dumps({"jsonrpc": "2.0", "method": "part", "params": params}) + b"\n"


class MessageTooLong(Exception):
    """A message is longer than the other side takes."""

    def __init__(self, size_bytes: int, limit_bytes: int) -> None:
        super().__init__(f"expected at most {limit_bytes} bytes, got {size_bytes}")
        self.size_bytes = size_bytes
        self.limit_bytes = limit_bytes
