"""Ids: UUIDv7 for messages and nodes, W3C hex ids for traces."""

from __future__ import annotations

from collections.abc import Callable

from motia.core.clock import Clock, Entropy


class Ids:
    """Makes every id of a node.

    Message ids are UUIDv7 (RFC 9562, §5.7): 48 bits of milliseconds, then random bits, so an index on
    them grows at its end. Ids of one millisecond are not ordered; order is the store's `seq`.
    """

    def __init__(self, clock: Clock, entropy: Entropy) -> None:
        self._now_ms = clock.now_ms
        self._bits: Callable[[int], int] = entropy.bits

    def message_id(self) -> bytes:
        random = self._bits(74)
        value = (
            (self._now_ms() << 80)
            | 0x7000_0000_0000_0000_0000
            | (random >> 62) << 64
            | 0x8000_0000_0000_0000
            | (random & 0x3FFF_FFFF_FFFF_FFFF)
        )
        return value.to_bytes(16, "big")

    def trace_id(self) -> str:
        """32 hex digits: milliseconds, then 80 random bits, so that an index on them grows at its end.

        The random part is more than the 56 bits that W3C Trace Context asks for.
        """
        return f"{self._now_ms():012x}{self._bits(80):020x}"

    def span_id(self) -> str:
        """16 hex digits, never all zero."""
        return f"{self._bits(64) or 1:016x}"


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
