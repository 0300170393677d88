"""What disturbs a running project: its processes, and the disk and the clock they stand on, at once."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import Callable

from faults import Faults
from real_process import Project, Running, eventually

_HOUR_MS = 3_600_000
_PROCESSES = {"kill": 15, "stop": 2, "drain": 2, "reload": 1, "join and leave": 1, "join and die": 1}
"""How often each comes in a deck: every run has all of them, in an order of its own."""
_LONGEST_PEACE_S = 1.5
_LOOK_S = 0.05
_SURROUNDINGS = {"full disk": 2, "disk that does not sync": 1, "slow disk": 2, "clock": 3}
Kinds = Counter[str]


def _deck(kinds: dict[str, int], chance: random.Random) -> list[str]:
    cards = [kind for kind, count in kinds.items() for _ in range(count)]
    chance.shuffle(cards)
    return cards


class Nemesis:
    """Hits `running` with faults of its processes, and what surrounds them meanwhile.

    `guest` is the same project for a second supervisor; `progress` a number that grows while requests are
    answered.
    """

    def __init__(
        self,
        running: Running,
        guest: Project,
        faults: Faults,
        chance: random.Random,
        progress: Callable[[], int],
    ) -> None:
        self._guest = guest
        self._running = running
        self._faults = faults
        self._chance = chance
        self._progress = progress
        self._visits: list[asyncio.Task[None]] = []
        self._one_visit = asyncio.Lock()
        self._furthest_ms = 0
        self.done: Kinds = Counter()

    async def rage(self, rounds: int) -> None:
        """Returns when all is well again, but for what is still recovering."""
        over = asyncio.Event()
        surroundings = asyncio.create_task(self._disturb_surroundings(over))
        cards: list[str] = []
        for _ in range(rounds):
            cards = cards or _deck(_PROCESSES, self._chance)
            await self._hit(cards.pop())
            await asyncio.sleep(0.5 * self._chance.random())
            await self._peace()
        over.set()
        await surroundings
        # What was put off while the clock was ahead is due by now.
        self._faults.clock_ahead_ms = self._furthest_ms + _HOUR_MS
        await asyncio.gather(*self._visits)

    async def _peace(self) -> None:
        """Until something is accepted again, but not for long: a slow machine comes to an end, too."""
        before, waited_s = self._progress(), 0.0
        while self._progress() == before and waited_s < _LONGEST_PEACE_S:
            await asyncio.sleep(_LOOK_S)
            waited_s += _LOOK_S

    # Processes

    async def _hit(self, kind: str) -> None:
        if kind.startswith("join"):
            self._visits.append(asyncio.create_task(self._visit(kind)))
            return
        if kind == "reload":
            self._running.process.send_signal(signal.SIGHUP)
            self.done[kind] += 1
            return
        while not await self._hit_one(kind):
            pass
        self.done[kind] += 1

    async def _hit_one(self, kind: str) -> bool:
        """Whether the node was still there."""
        nodes = await eventually(self._some_nodes, 60, lambda: self._running.text)
        victim = self._chance.choice(nodes)
        try:
            if kind == "kill":
                os.kill(victim, signal.SIGKILL)
            elif kind == "stop":
                os.kill(victim, signal.SIGSTOP)
                await asyncio.sleep(0.3)
                os.kill(victim, signal.SIGCONT)
            else:
                os.kill(victim, signal.SIGTERM)
        except ProcessLookupError:
            return False
        return True

    async def _some_nodes(self) -> list[int] | None:
        return self._running.nodes() or None

    async def _visit(self, kind: str) -> None:
        """Nodes of another supervisor, as of a second deployment over the same data, for a while."""
        async with self._one_visit:
            with self._guest.running("start", "--nodes", "1") as guest:
                # It may come while the disk is full: then it goes again.
                served = await eventually(lambda: self._served(guest), 60, lambda: guest.text)
                await asyncio.sleep(self._chance.random())
                if served and kind == "join and leave":
                    assert await guest.stop(60) == 0, guest.text
                self.done[kind if served else f"{kind}: refused"] += 1

    @staticmethod
    async def _served(guest: Running) -> bool | None:
        code = guest.process.poll()
        if code is None:
            return True if "API  " in guest.text else None
        assert code == 2, guest.text
        return False

    # Surroundings

    async def _disturb_surroundings(self, over: asyncio.Event) -> None:
        """Until then, and until each has come once."""
        faults, chance = self._faults, self._chance
        cards: list[str] = []
        while not (over.is_set() and self.done.keys() >= _SURROUNDINGS.keys()):
            cards = cards or _deck(_SURROUNDINGS, chance)
            kind = cards.pop()
            if kind == "clock":
                faults.clock_ahead_ms = round(chance.uniform(-24, 24) * _HOUR_MS)
                self._furthest_ms = max(self._furthest_ms, faults.clock_ahead_ms)
            elif kind == "full disk":
                faults.disk("full")
            elif kind == "slow disk":
                faults.slow(write_ms=1, sync_ms=chance.choice((50, 300, 1000)))
            else:
                faults.disk("unsynced")
            self.done[kind] += 1
            await asyncio.sleep(0.5 + chance.random())
            faults.disk("well")
            faults.slow(write_ms=0, sync_ms=0)
            await asyncio.sleep(0.5 + chance.random())
