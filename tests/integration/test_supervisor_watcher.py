"""The watcher on a real directory."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from watchfiles import awatch
from watchfiles._rust_notify import WatchfilesRustInternalError

from motia.supervisor import watcher
from motia.supervisor.watcher import is_watched_file, scan, watch_project


class Seen:
    def __init__(self) -> None:
        self.paths: set[str] = set()
        self.rounds = 0
        self.troubles: list[str] = []
        self.news = asyncio.Event()

    async def until(self, path: str) -> None:
        while path not in self.paths:
            self.news.clear()
            await self.news.wait()
        self.paths.discard(path)


@asynccontextmanager
async def watched(directory: Path) -> AsyncIterator[Seen]:
    seen = Seen()
    stop = asyncio.Event()

    async def follow() -> None:
        async for changed in watch_project(directory, stop, seen.troubles.append):
            seen.paths |= changed
            seen.rounds += 1
            seen.news.set()

    task = asyncio.create_task(follow())
    await asyncio.sleep(0)  # it has listed the directory
    try:
        yield seen
    finally:
        stop.set()
        await task


def run(main: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(90):
            await main()

    asyncio.run(bounded())


def test_sees_changes_new_files_new_directories_and_deletions(tmp_path: Path) -> None:
    async def main() -> None:
        (tmp_path / "steps").mkdir()
        step = tmp_path / "steps" / "a_step.py"
        step.write_text("1")
        async with watched(tmp_path) as seen:
            step.write_text("22")
            await seen.until("steps/a_step.py")
            (tmp_path / ".env").write_text("A=1")
            await seen.until(".env")
            deep = tmp_path / "src" / "orders"
            deep.mkdir(parents=True)
            (deep / "b.step.ts").write_text("1")
            await seen.until("src/orders/b.step.ts")
            (deep / "b.step.ts").write_text("22")
            await seen.until("src/orders/b.step.ts")
            swap = tmp_path / "steps" / ".swap"
            swap.write_text("333")
            swap.rename(step)
            await seen.until("steps/a_step.py")
            shutil.rmtree(tmp_path / "src")
            await seen.until("src/orders/b.step.ts")

    run(main)


def test_ignores_what_is_not_the_project(tmp_path: Path) -> None:
    async def main() -> None:
        ignored = ["node_modules/x", ".motia", ".git", "env", "__pycache__", "dist"]
        for name in ignored:
            (tmp_path / name).mkdir(parents=True)
        (tmp_path / "env" / "pyvenv.cfg").touch()
        (tmp_path / "a.py").write_text("1")
        assert scan(tmp_path)[0] == [str(tmp_path)]
        async with watched(tmp_path) as seen:
            for name in ignored:
                (tmp_path / name / "x.py").write_text("1")
            (tmp_path / "notes.txt").write_text("1")
            (tmp_path / "a.py").write_text("22")
            await seen.until("a.py")
            assert seen.paths == set()

    run(main)


def test_a_burst_comes_as_few_rounds(tmp_path: Path) -> None:
    async def main() -> None:
        async with watched(tmp_path) as seen:
            for number in range(200):
                (tmp_path / f"s{number}_step.py").write_text("1")
            await seen.until("s199_step.py")
            assert seen.rounds <= 10

    run(main)


def test_names() -> None:
    watched = ["a.py", "a.step.ts", "motia.toml", ".env", ".env.local", "go.go", "x.rb", "x.mjs"]
    assert all(map(is_watched_file, watched))
    assert not any(map(is_watched_file, [".a.py", "a.pyc", "a.py~", "x.css", "data.db", ".environment"]))


def test_without_watches_of_the_kernel_it_polls_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def exhausted(*directories: str, force_polling: bool | None, **options: Any) -> AsyncIterator[Any]:
        if not force_polling:
            raise WatchfilesRustInternalError("Too many open files (os error 24)")
        async for changes in awatch(*directories, force_polling=True, poll_delay_ms=20, **options):
            yield changes

    monkeypatch.setattr(watcher, "awatch", exhausted)

    async def main() -> None:
        async with watched(tmp_path) as seen:
            (tmp_path / "a_step.py").write_text("1")
            await seen.until("a_step.py")
            assert seen.troubles == ["Too many open files (os error 24)"]

    run(main)
