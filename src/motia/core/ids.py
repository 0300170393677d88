"""Ids: UUIDv7 for messages and nodes, W3C hex ids for traces."""

from __future__ import annotations

import struct
from collections.abc import Callable

from motia.core.clock import Clock, Entropy

_TWO_HALVES = struct.Struct(">QQ")


class Ids:
    """Makes every id of a node.

    Message ids are UUIDv7 (RFC 9562, §5.7): 48 bits of milliseconds, then random bits, so an index on
    them grows at its end. Ids of one millisecond are not ordered; order is the store's `seq`.
    """

    def __init__(self, clock: Clock, entropy: Entropy) -> None:
        self._now_ms = clock.now_ms
        self._bits: Callable[[int], int] = entropy.bits

    def message_id(self, now_ms: int | None = None) -> bytes:
        at_ms = self._now_ms() if now_ms is None else now_ms
        return _TWO_HALVES.pack(at_ms << 16 | 0x7000 | self._bits(12), 0x8000_0000_0000_0000 | self._bits(62))

    def trace_id(self, now_ms: int | None = None) -> str:
        """32 hex digits: milliseconds, then 80 random bits, so that an index on them grows at its end.

        The random part is more than the 56 bits that W3C Trace Context asks for.
        """
        at_ms = self._now_ms() if now_ms is None else now_ms
        return (at_ms << 80 | self._bits(80)).to_bytes(16, "big").hex()

    def span_id(self) -> str:
        """16 hex digits, never all zero."""
        return (self._bits(64) or 1).to_bytes(8, "big").hex()


def format_id(value: bytes) -> str:
    """The usual spelling with dashes of a 16-byte id."""
    text = value.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def parse_id(text: str) -> bytes:
    """The 16 bytes of an id written with or without dashes; ValueError when it is none."""
    try:
        value = bytes.fromhex(text.replace("-", ""))
    except ValueError:
        value = b""
    if len(value) != 16:
        raise ValueError(f"expected an id of 32 hex digits, got {text!r}")
    return value
