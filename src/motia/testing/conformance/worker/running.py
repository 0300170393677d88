"""Starts a worker and runs the checks against it."""

from __future__ import annotations

import asyncio
import inspect
import os
import socket
import tempfile
from collections.abc import Awaitable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from motia.testing.conformance.worker import checks as every_check
from motia.testing.conformance.worker.peer import PATIENCE_S
from motia.testing.conformance.worker.suite import Worker


class Check(Protocol):
    """One promise; its name says which."""

    __name__: str

    def __call__(self, worker: Worker, /) -> Awaitable[None]: ...


def worker_checks() -> list[Check]:
    """All checks: every public coroutine function of `checks.py`."""
    return [
        body
        for name, body in vars(every_check).items()
        if inspect.iscoroutinefunction(body) and body.__module__ == every_check.__name__ and name[0] != "_"
    ]


async def run_worker_checks(
    command: Sequence[str], files: Mapping[str, str], *, environment: Mapping[str, str] | None = None
) -> None:
    """Run every check against one process, then see that it ends as it should.

    `files` are paths below a project folder and their texts. Failure: `AssertionError`, which names
    every promise that is broken.
    """
    with tempfile.TemporaryDirectory(prefix="mw") as name:
        folder = Path(name)
        for path, text in files.items():
            target = folder / "project" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, "utf-8")
        broken: dict[str, BaseException] = {}
        async with _Process(command, folder, environment) as process:
            for check in worker_checks():
                worker = process.worker(list(files))
                await _note(broken, check.__name__, _run(check, worker))
            await _note(broken, "it_shuts_down", process.shuts_down())
        async with _Process(command, folder, environment) as process:
            await _note(broken, "it_ends_with_its_input", process.ends_with_its_input())
        if broken:
            told = "".join(f"\n  {name}: {type(error).__name__}: {error}" for name, error in broken.items())
            raise AssertionError(f"{command[0]}: {len(broken)} broken promises:{told}")


async def _run(check: Check, worker: Worker) -> None:
    try:
        await check(worker)
    finally:
        await worker.close()


async def _note(broken: dict[str, BaseException], name: str, work: Awaitable[None]) -> None:
    try:
        await work
    except asyncio.CancelledError as ended:
        # An answer never came: its connection ended.
        broken[name] = ended
    except Exception as error:
        broken[name] = error


class _Process:
    """A worker's process and the socket it listens on."""

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str] | None) -> None:
        self._command = command
        self._folder = folder
        self._environment = environment

    async def __aenter__(self) -> _Process:
        self._path = self._folder / "worker.sock"
        self._path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(self._path))
        listener.listen()
        with listener:
            number = listener.fileno()
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                cwd=self._folder / "project",
                env={**os.environ, **(self._environment or {}), "MOTIA_WORKER_FD": str(number)},
                stdin=asyncio.subprocess.PIPE,
                pass_fds=(number,),
                start_new_session=True,
            )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    def worker(self, files: list[str]) -> Worker:
        [suite] = [file for file in files if Path(file).name.startswith("suite")]
        return Worker(self._path, (self._folder / "project").resolve(), files, suite)

    async def shuts_down(self) -> None:
        """Asked to, it answers and exits with 0."""
        worker = self.worker(["suite"])
        try:
            peer = await worker.greeted()
            assert await peer.result("shutdown", {"grace_s": 1}) == {}
            async with asyncio.timeout(PATIENCE_S):
                assert await self._process.wait() == 0
        finally:
            await worker.close()

    async def ends_with_its_input(self) -> None:
        """When its owner is gone, it goes, too."""
        worker = self.worker(["suite"])
        try:
            await worker.greeted()
            assert self._process.stdin is not None
            self._process.stdin.close()
            async with asyncio.timeout(PATIENCE_S):
                await self._process.wait()
        finally:
            await worker.close()
