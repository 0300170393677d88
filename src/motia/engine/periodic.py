"""The timer and the task that duties share which look again and again."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from motia.core.clock import Timer

if TYPE_CHECKING:
    from motia.engine.engine import Engine

_NEVER_S = float("inf")


class Periodic(ABC):
    """A `Service` that looks at start, and again when it said it would or is asked to; one look at a time.

    *Failure*: a look that fails is reported, and the next comes after `every_s`.
    """

    task: ClassVar[str]
    """What a look does, for the report of one that failed."""
    every_s: ClassVar[float]
    """The longest from one look to the next, whatever is known to be due."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._timers: list[Timer] = []
        self._looking: asyncio.Task[None] | None = None
        self._wakes_at_s = _NEVER_S
        self._again = False
        self._stopped = True

    @abstractmethod
    async def look(self) -> float | None:
        """Do what is to be done now; in how many seconds something is due, None where nothing is known."""

    async def start(self) -> None:
        if self._stopped:
            self._stopped = False
            self.look_now()

    async def stop(self) -> None:
        self._stopped = True
        self._cancel_timers()
        await self.looked()

    async def looked(self) -> None:
        """Returns when no look is under way."""
        if self._looking is not None:
            await asyncio.wait([self._looking])

    def look_now(self) -> None:
        """Look at once, or once more after the look that is under way."""
        if self._stopped:
            return
        self._cancel_timers()
        if self._looking is not None:
            self._again = True
            return
        self._looking = asyncio.ensure_future(self._look())

    def look_in(self, delay_s: float) -> None:
        """Look then, unless a look comes sooner anyway."""
        wakes_at_s = self._engine.clock.monotonic_s() + delay_s
        if not self._stopped and wakes_at_s < self._wakes_at_s:
            self._wakes_at_s = wakes_at_s
            self._timers.append(self._engine.clock.call_later(delay_s, self.look_now))

    def _cancel_timers(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self._wakes_at_s = _NEVER_S

    async def _look(self) -> None:
        wait_s: float | None = None
        try:
            wait_s = await self.look()
        except Exception as error:
            # Whatever it is, the next look may succeed; without one the duty would never be done again.
            self._engine.report(f"{self.task} failed: {error}")
        finally:
            self._looking = None
        again, self._again = self._again, False
        if again:
            wait_s = 0.0
        if wait_s is not None:
            self.look_in(wait_s)
        if not self._stopped:
            self._timers.append(self._engine.clock.call_later(self.every_s, self.look_now, backstop=True))
