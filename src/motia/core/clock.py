"""Time, ids and randomness come in through these ports, so that a test can hold them still."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    """A pending call that can be cancelled."""

    def cancel(self) -> None: ...


class Clock(Protocol):
    """Where all time comes from."""

    def now_ms(self) -> int:
        """UTC epoch milliseconds. May jump when the system's clock is set."""
        ...

    def monotonic_s(self) -> float:
        """Seconds that never go back; only differences mean something."""
        ...

    def call_later(self, delay_s: float, callback: Callable[[], None], *, backstop: bool = False) -> Timer:
        """Run `callback` on the event loop after `delay_s` seconds.

        A `backstop` looks whether something was missed; nothing is known to be due then. A clock that a
        test moves over hours need not stop for each.
        """
        ...

    async def sleep(self, delay_s: float, *, backstop: bool = False) -> None:
        """Return after `delay_s` seconds; cancellation safe. `backstop` as of `call_later`."""
        ...


class SystemClock:
    """The machine's clocks."""

    now_ms = staticmethod(lambda: time.time_ns() // 1_000_000)
    monotonic_s = staticmethod(time.monotonic)

    def call_later(self, delay_s: float, callback: Callable[[], None], *, backstop: bool = False) -> Timer:
        return asyncio.get_running_loop().call_later(delay_s, callback)

    async def sleep(self, delay_s: float, *, backstop: bool = False) -> None:
        await asyncio.sleep(delay_s)


class Entropy(Protocol):
    """Where all randomness comes from."""

    def bits(self, count: int) -> int:
        """A non-negative integer of `count` random bits."""
        ...

    def unit(self) -> float:
        """A float in [0, 1)."""
        ...


class SystemEntropy:
    """A generator seeded by the operating system, good for ids and jitter, not for secrets."""

    def __init__(self, seed: int | None = None) -> None:
        generator = random.Random(seed if seed is not None else int.from_bytes(os.urandom(32), "big"))
        self.bits = generator.getrandbits
        self.unit = generator.random
