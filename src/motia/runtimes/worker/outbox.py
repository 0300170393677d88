"""The order in which messages leave: short ones at once, long ones in parts, as the other side takes them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import orjson

from motia.runtimes.worker.frames import FrameLimits


class MessageTooLong(Exception):
    """A message is longer than the other side takes."""

    def __init__(self, size_bytes: int, limit_bytes: int) -> None:
        super().__init__(f"expected at most {limit_bytes} bytes, got {size_bytes}")
        self.size_bytes = size_bytes
        self.limit_bytes = limit_bytes


class Outbox:
    """What one side of a connection sends; `write` takes whole lines.

    One long message is under way at a time, and short ones pass it; only what is about the same thing (the
    same `lane`: an invocation, a stream) waits behind it, so that it arrives in the order it was put.
    """

    def __init__(self, limits: FrameLimits, write: Callable[[bytes], object]) -> None:
        self._limits = limits
        self._write = write
        # A byte of JSON text is at most two in a JSON string.
        self._part_bytes = (limits.frame_bytes - 128) // 2
        self._credit = limits.message_parts
        self._count = 0
        self._text = b""
        self._sent_bytes = 0
        self._held: deque[tuple[bytes, object]] = deque()
        self._lanes: set[object] = set()
        self.is_busy = False
        """Whether a long message is under way."""

    def put(self, text: bytes, lane: object = None) -> None:
        """Send a message: JSON text on one line. *Failure*: `MessageTooLong`; nothing of it is sent then."""
        if len(text) > self._limits.message_bytes:
            raise MessageTooLong(len(text), self._limits.message_bytes)
        self._place(text, lane)
        self._pour()

    def add_credit(self, parts: int) -> None:
        """The other side has taken in so many parts."""
        self._credit += parts
        self._pour()

    def _place(self, text: bytes, lane: object) -> None:
        is_long = len(text) > self._limits.frame_bytes
        if not is_long and (lane is None or lane not in self._lanes):
            self._write(text + b"\n")
            return
        if lane is not None:
            self._lanes.add(lane)
        if self.is_busy:
            self._held.append((text, lane))
            return
        self.is_busy = True
        self._text, self._sent_bytes = text, 0
        self._count += 1

    def _pour(self) -> None:
        while self.is_busy and self._credit > 0:
            self._credit -= 1
            end = min(self._sent_bytes + self._part_bytes, len(self._text))
            # Never within a character.
            while end < len(self._text) and self._text[end] & 0xC0 == 0x80:
                end -= 1
            is_last = end == len(self._text)
            params = {
                "message": self._count,
                "text": self._text[self._sent_bytes : end].decode(),
                "last": is_last,
            }
            self._write(orjson.dumps({"jsonrpc": "2.0", "method": "part", "params": params}) + b"\n")
            self._sent_bytes = end
            if is_last:
                self._next()

    def _next(self) -> None:
        self.is_busy, self._text = False, b""
        held, self._held = self._held, deque()
        self._lanes.clear()
        for text, lane in held:
            self._place(text, lane)
