"""What looks again and again: in time, never twice at once, and at no cost where time is made to pass."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from motia.engine.periodic import Periodic
from motia.testing.clock import ManualClock


@dataclass
class Surroundings:
    """What a duty needs of the engine."""

    clock: ManualClock = field(default_factory=ManualClock)
    reports: list[str] = field(default_factory=list)

    def report(self, message: str) -> None:
        self.reports.append(message)


class Duty(Periodic):
    task = "doing the duty"
    every_s = 1.0

    def __init__(self, surroundings: Any) -> None:
        super().__init__(surroundings)
        self.looks_s: list[float] = []
        self.due_in_s: float | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def look(self) -> float | None:
        self.looks_s.append(self._engine.clock.monotonic_s())
        await self.gate.wait()
        if self.due_in_s == 0:
            raise ValueError("no")
        return self.due_in_s


def run(scenario: Callable[[Surroundings, Duty], Awaitable[None]]) -> None:
    async def main() -> None:
        surroundings = Surroundings()
        duty = Duty(surroundings)
        await duty.start()
        await duty.start()
        await duty.looked()
        await scenario(surroundings, duty)
        await duty.stop()
        await duty.stop()
        looks = len(duty.looks_s)
        duty.look_now()
        await surroundings.clock.advance(100)
        assert len(duty.looks_s) == looks

    asyncio.run(main())


def test_it_looks_when_something_is_due_and_seldom_where_nothing_is() -> None:
    async def scenario(surroundings: Surroundings, duty: Duty) -> None:
        await surroundings.clock.advance(30 * 86_400)
        assert len(duty.looks_s) <= 3
        duty.due_in_s = 0.25
        duty.looks_s.clear()
        duty.look_now()
        await surroundings.clock.advance(1.0)
        begun_s = duty.looks_s[0]
        assert [look_s - begun_s for look_s in duty.looks_s] == [0.0, 0.25, 0.5, 0.75, 1.0]

    run(scenario)


def test_being_asked_during_a_look_gives_one_more() -> None:
    async def scenario(surroundings: Surroundings, duty: Duty) -> None:
        duty.gate.clear()
        duty.look_now()
        await surroundings.clock.advance(0.1)
        duty.look_in(0.1)
        duty.look_now()
        await surroundings.clock.advance(0.2)
        assert duty.looks_s == [0.0, 0.0]
        duty.gate.set()
        await surroundings.clock.advance(0.1)
        assert len(duty.looks_s) == 3

    run(scenario)


def test_a_look_that_fails_is_told_and_the_next_one_comes() -> None:
    async def scenario(surroundings: Surroundings, duty: Duty) -> None:
        duty.due_in_s = 0
        duty.look_now()
        await duty.looked()
        assert surroundings.reports == ["doing the duty failed: no"]
        duty.due_in_s = None
        await surroundings.clock.advance(1.0)
        assert len(duty.looks_s) == 3

    run(scenario)
