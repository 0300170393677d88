"""Runs under way as SQL text: written by a release, brought to their end by the next."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from motia.app import App
from motia.settings.load import load_settings
from motia.testing.clock import ManualClock

PROJECT = Path(__file__).parent / "project"
STARTED = datetime(2026, 1, 1, tzinfo=UTC)
TOPICS = ("sleeps", "signalled", "waits", "calls", "pairs", "retries", "undoes")
_LONGEST_S = 30.0


@asynccontextmanager
async def running(folder: Path, clock: ManualClock) -> AsyncIterator[App]:
    """The project in `folder`, with the real store."""
    settings = load_settings(folder, mode="production").settings
    app = App(settings.model_copy(update={"port": 0, "strict": True}), clock=clock)
    await app.start()
    try:
        yield app
    finally:
        await app.drain()
        await app.stop()


async def until(clock: ManualClock, holds: Any) -> None:
    """Let the writer's thread and what is due go on until something holds."""
    async with asyncio.timeout(_LONGEST_S):
        while not await holds():
            await clock.advance(1)
            await asyncio.sleep(0.005)


async def _begin(folder: Path) -> None:
    from motia.core.calls import EnqueueRequest

    clock = ManualClock(STARTED)
    async with running(folder, clock) as app:
        assert app.engine is not None
        for topic in TOPICS:
            await app.engine.enqueue(EnqueueRequest({"order": 7}, topic=topic))

        async def all_wait() -> bool:
            depths = await app.backend.queue.depths()
            # One more: the step that `calls` called sleeps in a run of its own.
            return sum(depth.scheduled for depth in depths) == len(TOPICS) + 1

        await until(clock, all_wait)


def record(folder: Path) -> str:
    """Bring one run of each kind to where it waits, in a copy of the project at `folder`; the SQL text."""
    shutil.copytree(PROJECT, folder, dirs_exist_ok=True)
    os.environ["RECORDING_JOURNALS"] = "1"
    try:
        asyncio.run(_begin(folder))
    finally:
        del os.environ["RECORDING_JOURNALS"]
    with closing(sqlite3.connect(folder / ".motia" / "motia.db")) as connection:
        connection.execute("DELETE FROM nodes")
        lines = list(connection.iterdump())
        for name in ("application_id", "user_version"):
            (number,) = connection.execute(f"PRAGMA {name}").fetchone()
            lines.append(f"PRAGMA {name} = {number};")
        return "\n".join([*lines, ""])


def restore(text: str, folder: Path) -> None:
    """A copy of the project at `folder` whose store is what was recorded."""
    shutil.copytree(PROJECT, folder, dirs_exist_ok=True)
    (folder / ".motia").mkdir()
    with closing(sqlite3.connect(folder / ".motia" / "motia.db")) as connection:
        connection.executescript(text)


def later() -> ManualClock:
    """A clock of a day later."""
    return ManualClock(STARTED + timedelta(days=1))
