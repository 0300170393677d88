"""The processes of a kind of worker: kept ahead of a reload, replaced, killed one of several."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from motia.core.clock import SystemClock
from motia.runtimes.worker.connection import Connection
from motia.runtimes.worker.frames import FrameLimits
from motia.runtimes.worker.greeting import Greeting
from motia.runtimes.worker.host import HostOptions, WorkerHost
from motia.runtimes.worker.kinds import WORKER_KINDS
from motia.runtimes.worker.process import WorkerEvent

_LIMIT_S = 45.0
KINDS = {
    "node": (
        "now.step.js",
        "export const config = { name: 'Now', triggers: [{ type: 'cron', cron: '0 0 1 1 *' }],"
        " description: 'NUMBER ' + process.env.SPARE_TEST }\n"
        "export const handler = async () => process.pid\n",
    ),
    "ruby": (
        "now.step.rb",
        "def config = { name: 'Now', type: 'cron', cron: '0 0 1 1 *', emits: [],"
        " description: \"NUMBER #{ENV['SPARE_TEST']}\" }\n"
        "def handler(input, context) = Process.pid\n",
    ),
}


class Project:
    """One step file, the host of its worker, and what the host told."""

    def __init__(self, kind: str, folder: Path, host: WorkerHost, events: list[WorkerEvent]) -> None:
        self.kind = kind
        self.host = host
        self.events = events
        self._folder = folder
        self._file, self._text = KINDS[kind]
        self.save(1)

    def save(self, number: int) -> None:
        (self._folder / self._file).write_text(self._text.replace("NUMBER", str(number)))

    async def load(self, path: Path) -> tuple[str, int]:
        """What the worker at a socket makes of the step: its description, and the worker's pid."""
        connection = await dial(path)
        try:
            greeted = await connection.ask("initialize", greeting(self._folder).params())
            loaded = await connection.ask("load", {"project_dir": str(self._folder), "files": [self._file]})
            [definition] = loaded["files"][0]["definitions"]
            return definition["config"]["description"], greeted["pid"]
        finally:
            connection.close()

    async def until(self, what: str, count: int) -> list[WorkerEvent]:
        """The events of a name, once there are as many."""
        async with asyncio.timeout(_LIMIT_S):
            while len(found := [event for event in self.events if event.what == what]) < count:
                await asyncio.sleep(0.01)
        return found


async def dial(path: Path) -> Connection:
    connection = Connection(
        on_call=lambda *_: None, on_note=lambda *_: None, on_end=lambda _: None, limits=FrameLimits()
    )
    await asyncio.get_running_loop().create_unix_connection(lambda: connection, str(path))
    return connection


def greeting(folder: Path) -> Greeting:
    return Greeting(
        node="test",
        project_dir=folder,
        environment="development",
        limits=FrameLimits(),
        heartbeat_s=1.0,
        load_s=_LIMIT_S,
    )


@contextlib.asynccontextmanager
async def hosted(kind: str, folder: Path, **options: Any) -> AsyncIterator[Project]:
    if shutil.which(kind) is None:
        if os.environ.get("CI"):
            pytest.fail(f"expected {kind} in CI")
        pytest.skip(f"needs {kind}")
    events: list[WorkerEvent] = []
    given = replace(HostOptions(processes=1, report_stall_s=60, kill_stall_s=60, spares=True), **options)
    host = WorkerHost(
        folder,
        greeting(folder),
        SystemClock(),
        given,
        report=events.append,
        environment={**os.environ, "SPARE_TEST": "a"},
    )
    try:
        yield Project(kind, folder, host, events)
    finally:
        await host.stop()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_spare_takes_over_with_the_files_as_they_are_then(kind: str, tmp_path: Path) -> None:
    async with hosted(kind, tmp_path) as project:
        [first] = project.host.sockets(kind)
        assert (await project.load(first))[0] == "1 a"
        project.host.keep_spares()
        project.host.keep_spares()  # one is enough
        spare = (await project.until("started", 2))[1]
        project.save(2)
        [second] = project.host.replace(kind)
        assert await project.load(second) == ("2 a", spare.pid)
        assert (await project.load(first))[0] == "1 a", "the old one serves until it is retired"
        await project.host.retire(5)
        with pytest.raises(OSError):
            await dial(first)
        assert len([event for event in project.events if event.what == "started"]) == 2


async def test_a_program_that_cannot_be_started_is_told_and_tried_again(tmp_path: Path) -> None:
    program = tmp_path / "program"
    [node] = [kind for kind in WORKER_KINDS if kind.name == "node"]
    events: list[WorkerEvent] = []
    host = WorkerHost(
        tmp_path,
        greeting(tmp_path),
        SystemClock(),
        HostOptions(processes=1, report_stall_s=60, kill_stall_s=60),
        report=events.append,
        kinds=[replace(node, command=lambda: [str(program)])],
    )
    project = Project("node", tmp_path, host, events)
    try:
        [path] = host.sockets("node")
        connection = await dial(path)
        [first, *_] = await project.until("died", 1)
        assert "it cannot be started" in first.text
        program.symlink_to("/bin/true")
        assert "exit code 0" in (await project.until("died", len(events) + 1))[-1].text
        connection.close()
    finally:
        await host.stop()


async def test_a_spare_with_variables_of_before_is_never_used(tmp_path: Path) -> None:
    async with hosted("ruby", tmp_path) as project:
        [first] = project.host.sockets("ruby")
        await project.load(first)
        project.host.keep_spares()
        spare = (await project.until("started", 2))[1]
        assert not project.host.renew_environment({**os.environ, "SPARE_TEST": "a"})
        assert project.host.renew_environment({**os.environ, "SPARE_TEST": "b"})
        description, pid = await project.load(project.host.replace("ruby")[0])
        assert description == "1 b"
        assert pid != spare.pid


async def test_nothing_is_kept_ahead_for_a_kind_that_nobody_uses(tmp_path: Path) -> None:
    async with hosted("ruby", tmp_path) as project:
        [before] = project.host.sockets("ruby")
        project.host.keep_spares()
        assert project.host.sockets("ruby") == [before]
        assert list(tmp_path.glob("*.sock")) == [before]
