"""A clock that stands still until a test moves it."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from datetime import UTC, datetime

_DEFAULT_START = datetime(2026, 1, 1, tzinfo=UTC)


class _Timer:
    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class ManualClock:
    """A `Clock` for tests: `await advance(seconds)` runs what becomes due, in order, each at its own time."""

    def __init__(self, start: datetime = _DEFAULT_START) -> None:
        self._now_ms = start.timestamp() * 1000
        self._monotonic_s = 0.0
        self._end_s = 0.0
        """Where the latest `advance` goes."""
        self._count = 0
        self._timers: list[tuple[float, int, _Timer]] = []

    def now_ms(self) -> int:
        return int(self._now_ms)

    def monotonic_s(self) -> float:
        return self._monotonic_s

    def call_later(self, delay_s: float, callback: Callable[[], None], *, backstop: bool = False) -> _Timer:
        timer = _Timer(callback)
        self._count += 1
        due_s = self._monotonic_s + max(0.0, delay_s)
        if backstop:
            # Who looks every second looks once on the way, and once more when we are there.
            due_s = max(due_s, self._end_s)
        heapq.heappush(self._timers, (due_s, self._count, timer))
        return timer

    async def sleep(self, delay_s: float, *, backstop: bool = False) -> None:
        done = asyncio.Event()
        self.call_later(delay_s, done.set, backstop=backstop)
        await done.wait()

    def jump(self, seconds: float) -> None:
        """Set the wall clock forward or back, as an administrator would; timers do not move."""
        self._now_ms += seconds * 1000

    async def advance(self, seconds: float) -> None:
        """Let time pass. Returns when everything that became due has been called, and given a turn."""
        end_s = self._end_s = self._monotonic_s + seconds
        await _settle()
        while self._timers and self._timers[0][0] <= end_s:
            due_s, _, timer = heapq.heappop(self._timers)
            if timer.callback is None:
                continue
            self._move_to(due_s)
            timer.callback()
            await _settle()
        self._move_to(end_s)
        await _settle()

    def _move_to(self, monotonic_s: float) -> None:
        passed_s = max(0.0, monotonic_s - self._monotonic_s)
        self._monotonic_s += passed_s
        self._now_ms += passed_s * 1000


async def _settle() -> None:
    """Let tasks that can go on go on: each turn of the loop runs one step of them."""
    for _ in range(20):
        await asyncio.sleep(0)
