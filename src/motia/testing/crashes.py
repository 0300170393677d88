"""A workflow killed after every point that it persists: the proof that it survives, for a project's tests."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from motia.backends.memory.store import MemoryStore
from motia.core.batch import Batch, GiveUpWait, JournalPut, RunEnd
from motia.testing.app import TestApp
from motia.testing.clock import ManualClock

Scene = Callable[[TestApp], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Crash:
    """One life that ended at `after`, and the next one, which came to its end."""

    number: int
    after: str
    """The entry of the journal that was the last to be stored."""
    result: Any
    """What `finish` gave."""


class _Killed(Exception):
    pass


def crash_points(project_dir: str | Path, begin: Scene, finish: Scene, **options: Any) -> Iterator[Crash]:
    """Run a scene once for every point that its workflows persist, killing the node right after that point.

    `begin(app)` starts the run, in the life that is killed; `finish(app)` brings it to its end in the next
    one and gives what is to be compared. The first life dies without a goodbye: what it was doing is lost,
    what it has committed is not. Both have a manual clock, `app.advance`. Each crash has a store of its own.
    """
    number = 0
    while True:
        number += 1
        store = MemoryStore()
        clock = ManualClock()
        after = _first_life(project_dir, begin, finish, store, clock, number, options)
        if after is None:
            return
        yield Crash(number, after, _second_life(project_dir, finish, store, clock, options))


def _first_life(
    project_dir: str | Path,
    begin: Scene,
    finish: Scene,
    store: MemoryStore,
    clock: ManualClock,
    number: int,
    options: dict[str, Any],
) -> str | None:
    """Name of the point after which it was killed; None where it came to its end before that point."""

    async def life() -> None:
        app = TestApp(project_dir, clock=clock, store=store, **options)
        killed = asyncio.Event()
        points: list[str] = []

        def count(batch: Batch) -> None:
            if any(isinstance(one, JournalPut | GiveUpWait | RunEnd) for one in batch.operations):
                names = [
                    one.entry.name for one in batch.operations if isinstance(one, JournalPut | GiveUpWait)
                ]
                points.append(names[-1] if names else "the end")
                if len(points) == number:
                    app.cut_off()
                    killed.set()

        app.after_commit(count)
        await app.__aenter__()
        dying = asyncio.ensure_future(killed.wait())
        living = asyncio.ensure_future(_whole(app, begin, finish))
        await asyncio.wait([dying, living], return_when=asyncio.FIRST_COMPLETED)
        if killed.is_set():
            await app.bury()
            raise _Killed(points[-1])
        living.result()
        await app.__aexit__()

    try:
        asyncio.run(life())
    except _Killed as killed:
        return str(killed)
    return None


async def _whole(app: TestApp, begin: Scene, finish: Scene) -> None:
    await begin(app)
    await finish(app)


def _second_life(
    project_dir: str | Path, finish: Scene, store: MemoryStore, clock: ManualClock, options: dict[str, Any]
) -> Any:
    async def life() -> Any:
        async with TestApp(project_dir, clock=clock, store=store, **options) as app:
            await app.recover_others()
            return await finish(app)

    return asyncio.run(life())
