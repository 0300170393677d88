"""A supervisor with real processes: start, reload, crash, stall, drain."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import sys
import tempfile
import textwrap
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from motia.settings import Settings
from motia.settings.runtime_dir import runtime_dir
from motia.supervisor.events import (
    Event,
    Listening,
    LoadFailed,
    NodeDied,
    NodeLeft,
    NodeServing,
    NodeStalled,
    NodeWorn,
    Reloaded,
    Reloading,
    Stopping,
)
from motia.supervisor.listeners import Listeners, open_project
from motia.supervisor.supervisor import Supervisor

FAKE_APP_DIR = Path(__file__).parents[1] / "unit" / "server"
E = TypeVar("E", bound=Event)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    # Short, because a Unix socket lives there.
    with tempfile.TemporaryDirectory(prefix="mt") as directory:
        monkeypatch.setenv("XDG_RUNTIME_DIR", directory)
        Path(directory, "motia").mkdir(mode=0o700)
        (tmp_path / "behaviour.py").write_text("VERSION = 1\n")
        yield tmp_path


def settings_for(project: Path, **more: Any) -> Settings:
    return Settings.model_validate(
        {
            "mode": "development",
            "project_dir": project,
            "port": 0,
            "drain_s": 5.0,
            "workbench": {"enabled": False},
            **more,
        }
    )


class Running:
    """A supervisor under test, and what it has reported."""

    ended: asyncio.Task[int]

    def __init__(self, settings: Settings, **keywords: Any) -> None:
        directory = runtime_dir(settings)
        self.listeners: Listeners = open_project(settings, directory)
        self.events: list[Event] = []
        self._seen = 0
        self._news = asyncio.Event()
        self.supervisor = Supervisor(
            settings,
            listeners=self.listeners,
            runtime_dir=directory,
            report=self._on_event,
            app="fake_app:FakeApp",
            environment={**os.environ, "PYTHONPATH": str(FAKE_APP_DIR)},
            **keywords,
        )
        self.address = ("127.0.0.1", self.listeners.port("api") or 0)

    def _on_event(self, event: Event) -> None:
        self.events.append(event)
        self._news.set()

    async def next(self, kind: type[E]) -> E:
        """The next event of a kind, past the last one returned."""
        while True:
            for index, event in enumerate(self.events[self._seen :], self._seen):
                if isinstance(event, kind):
                    self._seen = index + 1
                    return event
            self._news.clear()
            await self._news.wait()

    async def get(self, path: str = "/") -> str:
        return (await request(self.address, path)).decode()


async def request(address: tuple[str, int], path: str) -> bytes:
    """The body of an answer over a connection of its own."""
    reader, writer = await asyncio.open_connection(*address)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        return (await reader.read()).partition(b"\r\n\r\n")[2]
    finally:
        writer.close()


@contextlib.asynccontextmanager
async def supervised(settings: Settings, **keywords: Any) -> AsyncIterator[Running]:
    running = Running(settings, **keywords)
    task = running.ended = asyncio.create_task(running.supervisor.run())
    try:
        yield running
        if not task.done():
            if not any(isinstance(event, Stopping) for event in running.events):
                running.supervisor.stop()
            await task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        running.listeners.close()


def run(main: Callable[[], Awaitable[None]], limit_s: float = 90) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(limit_s):
            await main()

    asyncio.run(bounded())


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_starts_serves_reloads_and_drains(project: Path) -> None:
    async def main() -> None:
        async with supervised(settings_for(project)) as running:
            # The address is told when it answers: whoever reads it may open it at once.
            await running.next(Listening)
            assert await running.get() == "1"
            first = await running.next(NodeServing)
            assert first.first
            assert first.banner["lines"] == ["version 1"]
            assert await running.get() == "1"
            assert await running.get("/listener") == "api"
            (project / "behaviour.py").write_text("VERSION = 'two'\n")
            running.supervisor.reload()
            second = await running.next(NodeServing)
            assert not second.first
            assert (await running.next(Reloaded)).ok
            assert await running.get() == "two"
            left = await running.next(NodeLeft)
            assert (left.pid, left.cut) == (first.pid, False)
            assert gone(first.pid)
        assert gone(second.pid)
        assert (project / f"stopped-{second.pid}").exists()

    run(main)


def test_control_socket_answers_and_is_private(project: Path) -> None:
    async def main() -> None:
        settings = settings_for(project)
        async with supervised(settings) as running:
            await running.next(NodeServing)
            path = runtime_dir(settings) / "control.sock"
            assert path.stat().st_mode & 0o777 == 0o600
            reader, writer = await asyncio.open_unix_connection(str(path))
            writer.write(b"GET /listener HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert (await reader.read()).endswith(b"\r\n\r\ncontrol")
            writer.close()

    run(main)


def test_code_that_does_not_load_leaves_the_old_serving(project: Path) -> None:
    async def main() -> None:
        async with supervised(settings_for(project)) as running:
            first = await running.next(NodeServing)
            for text, name in (("VERSION = \n", "SyntaxError"), ("raise SystemExit(3)", "_ProjectExited")):
                (project / "behaviour.py").write_text(text)
                running.supervisor.reload()
                failed = await running.next(LoadFailed)
                assert failed.old_serves
                assert failed.error["type"] == name
                assert "behaviour.py" in failed.error["traceback"]
                assert not (await running.next(Reloaded)).ok
                assert json.loads(await running.get("/pid"))["pid"] == first.pid
            (project / "behaviour.py").write_text("VERSION = 3")
            running.supervisor.reload()
            assert (await running.next(Reloaded)).ok
            assert await running.get() == "3"

    run(main)


def test_first_code_that_does_not_load_waits_for_a_change_in_development(project: Path) -> None:
    async def main() -> None:
        (project / "behaviour.py").write_text("1 / 0\n")
        async with supervised(settings_for(project)) as running:
            assert not (await running.next(LoadFailed)).old_serves
            (project / "behaviour.py").write_text("VERSION = 2\n")
            running.supervisor.reload()
            assert (await running.next(NodeServing)).first
            assert await running.get() == "2"

    run(main)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("1 / 0\n", 1),
        ("from motia.errors import SettingsError\nraise SettingsError('x', code='settings.x')\n", 2),
    ],
)
def test_first_code_that_does_not_load_ends_production(project: Path, text: str, code: int) -> None:
    async def main() -> None:
        (project / "behaviour.py").write_text(text)
        running = Running(settings_for(project, mode="production", nodes=2))
        assert await running.supervisor.run() == code
        assert any(isinstance(event, LoadFailed) for event in running.events)
        assert not any(isinstance(event, Stopping) for event in running.events)
        running.listeners.close()

    run(main)


@pytest.mark.parametrize(("path", "code"), [("/exit", 7), ("/crash", -6), ("/kill", -9)])
def test_a_dead_node_is_replaced_and_the_others_are_told(project: Path, path: str, code: int) -> None:
    async def main() -> None:
        async with supervised(settings_for(project, mode="production", nodes=2)) as running:
            pids = {(await running.next(NodeServing)).pid for _ in range(2)}
            with contextlib.suppress(OSError):
                await running.get(path)
            died = await running.next(NodeDied)
            assert died.pid in pids
            assert died.exit_code == code
            assert died.retry_s == 0.0
            if path == "/crash":
                assert died.place is not None
                assert died.place.function == "body_for"
            assert (await running.next(NodeServing)).slot == died.slot
            while True:  # connections spread: until one reaches the survivor
                if json.loads(await running.get("/told")) == [died.pid]:
                    break

    run(main)


def test_a_stalled_node_is_reported_with_its_line_and_killed(project: Path) -> None:
    async def main() -> None:
        (project / "behaviour.py").write_text(
            "import re\nVERSION = 1\ndef hang():\n    re.match('(a+)+$', 'a' * 60 + 'b')\n"
        )
        async with supervised(settings_for(project), kill_after_s=3.0) as running:
            node = await running.next(NodeServing)
            hanging = asyncio.create_task(running.get("/hang"))
            stalled = await running.next(NodeStalled)
            assert (stalled.pid, stalled.killed) == (node.pid, False)
            assert str(stalled.place) == "behaviour.py:4 in hang"
            assert stalled.running == ["hanging-step"]
            killed = await running.next(NodeStalled)
            assert killed.killed
            assert (await running.next(NodeDied)).exit_code == -9
            with contextlib.suppress(OSError):
                await hanging
            await running.next(NodeServing)
            assert await running.get() == "1"

    run(main)


def test_a_save_replaces_a_version_that_hangs_while_it_loads(project: Path) -> None:
    async def main() -> None:
        async with supervised(settings_for(project)) as running:
            await running.next(NodeServing)
            (project / "behaviour.py").write_text("while True:\n    pass\n")
            running.supervisor.reload()
            stalled = await running.next(NodeStalled)
            # A machine that is slow enough stalls before the project's own file is reached.
            assert stalled.place is None or stalled.place.path == "behaviour.py"
            assert await running.get() == "1"
            (project / "behaviour.py").write_text("VERSION = 2\n")
            # A file of another language: what the killed one was to bring is not forgotten for that.
            running.supervisor.reload(frozenset({"steps/hello.step.ts"}))
            assert (await running.next(NodeStalled)).killed
            left = await running.next(NodeLeft)
            assert (left.pid, left.cut) == (stalled.pid, False)
            await running.next(NodeServing)
            assert await running.get() == "2"

    run(main)


def test_a_stop_while_a_node_loads_has_cut_nothing(project: Path) -> None:
    async def main() -> None:
        (project / "behaviour.py").write_text("while True:\n    pass\n")
        async with supervised(settings_for(project), kill_after_s=3.0) as running:
            await running.next(NodeStalled)
            running.supervisor.stop()
            assert not (await running.next(NodeLeft)).cut
            assert await running.ended == 0

    run(main)


def test_a_worn_node_is_replaced(project: Path) -> None:
    async def main() -> None:
        async with supervised(settings_for(project)) as running:
            first = await running.next(NodeServing)
            await running.get("/worn")
            assert (await running.next(NodeWorn)).reason == "tired threads"
            assert (await running.next(NodeServing)).pid != first.pid
            assert (await running.next(NodeLeft)).pid == first.pid

    run(main)


def test_a_node_that_can_start_no_thread_leaves_when_it_has_drained(project: Path) -> None:
    full = """
        import threading
        VERSION = 1
        def on_start():
            threading.Thread(target=threading.Event().wait).start()
            threading.stack_size(2**40)  # more than there is: from now on no thread starts
    """

    async def main() -> None:
        (project / "behaviour.py").write_text(textwrap.dedent(full))
        async with supervised(settings_for(project)) as running:
            first = await running.next(NodeServing)
            (project / "behaviour.py").write_text("VERSION = 2\n")
            running.supervisor.reload()
            left = await running.next(NodeLeft)
            assert (left.pid, left.cut) == (first.pid, False)
            assert await running.get() == "2"
            killed = [event for event in running.events if isinstance(event, NodeStalled) and event.killed]
            assert not killed

    run(main)


def test_saves_during_a_reload_make_one_more(project: Path) -> None:
    async def main() -> None:
        async with supervised(settings_for(project)) as running:
            await running.next(NodeServing)
            running.supervisor.reload()
            await running.next(Reloading)
            for version in range(2, 7):
                (project / "behaviour.py").write_text(f"VERSION = {version}\n")
                running.supervisor.reload()
            await running.next(Reloaded)
            await running.next(Reloaded)
            assert await running.get() == "6"
            running.supervisor.stop()
        assert sum(isinstance(event, Reloaded) for event in running.events) == 2

    run(main)


def test_stop_lets_a_request_finish_and_a_second_stop_kills(project: Path) -> None:
    async def main() -> None:
        async with supervised(settings_for(project)) as running:
            await running.next(NodeServing)
            late = asyncio.create_task(running.get("/late"))
            assert await running.get() == "1"
            running.supervisor.stop()
            assert await late == "late"
        async with supervised(settings_for(project)) as running:
            node = await running.next(NodeServing)
            reader, writer = await asyncio.open_connection(*running.address)
            running.supervisor.stop()
            running.supervisor.stop()
            left = await running.next(NodeLeft)
            while left.pid != node.pid:
                left = await running.next(NodeLeft)
            assert left.cut
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""
            writer.close()

    run(main)


def test_reloads_under_load_lose_no_request(project: Path) -> None:
    async def main() -> None:
        async with supervised(settings_for(project)) as running:
            await running.next(NodeServing)
            assert await _lost_while_reloading(running, "abcde") == []

    run(main)


async def _lost_while_reloading(running: Running, texts: str) -> list[str]:
    """Errors of three clients that ask without pause, while one version after the other replaces the last."""
    seen: set[bytes] = set()
    lost: list[str] = []
    over = asyncio.Event()

    async def hammer() -> None:
        while not over.is_set():
            reader, writer = await asyncio.open_connection(*running.address)
            try:
                while not over.is_set():
                    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                    head = await reader.readuntil(b"\r\n\r\n")
                    seen.add(await reader.readexactly(1 if b"length: 1" in head else 0))
                    if b"connection: close" in head:
                        break
            except (OSError, asyncio.IncompleteReadError) as error:
                lost.append(repr(error))
            finally:
                writer.close()

    clients = [asyncio.create_task(hammer()) for _ in range(3)]
    for text in texts:
        behaviour = running.supervisor._settings.project_dir / "behaviour.py"
        behaviour.write_text(f"VERSION = {text!r}\n")
        running.supervisor.reload()
        assert (await running.next(Reloaded)).ok
        while text.encode() not in seen:
            await asyncio.sleep(0.01)
    over.set()
    await asyncio.gather(*clients)
    return lost


SCRIPT = """
import json, sys
from motia.settings import Settings
from motia.supervisor.run import run_supervised
def report(event):
    told = {name: getattr(event, name) for name in ("pid", "port") if hasattr(event, name)}
    print(json.dumps({"kind": type(event).__name__, **told}), flush=True)
settings = Settings.model_validate(json.loads(sys.argv[1]))
sys.exit(run_supervised(settings, report=report, app="fake_app:FakeApp"))
"""


@contextlib.asynccontextmanager
async def process(project: Path, **more: Any) -> AsyncIterator[asyncio.subprocess.Process]:
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        SCRIPT,
        json.dumps(settings_for(project, **more).model_dump(mode="json")),
        env={**os.environ, "PYTHONPATH": str(FAKE_APP_DIR)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


async def line(child: asyncio.subprocess.Process, kind: str) -> dict[str, Any]:
    assert child.stdout is not None
    while True:
        found: dict[str, Any] = json.loads(await child.stdout.readline())
        if found["kind"] == kind:
            return found


async def until_gone(pid: int) -> None:
    descriptor = os.pidfd_open(pid)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        asyncio.get_running_loop().remove_reader(descriptor)
        os.close(descriptor)


def test_a_save_reloads_and_sigterm_ends_with_0(project: Path) -> None:
    async def main() -> None:
        async with process(project) as child:
            port = (await line(child, "Listening"))["port"]
            await line(child, "NodeServing")
            (project / "behaviour.py").write_text("VERSION = 22\n")
            node = await line(child, "NodeServing")
            assert await request(("127.0.0.1", port), "/") == b"22"
            child.terminate()
            assert await child.wait() == 0
            assert gone(node["pid"])

    run(main)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel kills the nodes on Linux only")
def test_no_orphan_when_the_supervisor_is_killed(project: Path) -> None:
    async def main() -> None:
        async with process(project, mode="production", nodes=2) as child:
            pids = [(await line(child, "NodeServing"))["pid"] for _ in range(2)]
            waiting = [asyncio.create_task(until_gone(pid)) for pid in pids]
            await asyncio.wait(waiting, timeout=0)
            child.kill()
            await asyncio.gather(*waiting)

    run(main)


def test_a_second_supervisor_of_a_project_is_refused(project: Path) -> None:
    async def main() -> None:
        async with process(project) as first:
            port = (await line(first, "Listening"))["port"]
            async with process(project) as second:
                _, errors = await second.communicate()
                assert f"already running as process {first.pid} on port {port}" in errors.decode()
                assert second.returncode != 0
            first.terminate()
            assert await first.wait() == 0

    run(main)


def test_restarts_after_kill_find_no_lock(project: Path) -> None:
    async def main() -> None:
        for _ in range(3):
            async with process(project, mode="production") as child:
                node = await line(child, "NodeServing")
                child.kill()
                await child.wait()
                with contextlib.suppress(ProcessLookupError):
                    await until_gone(node["pid"])

    run(main)


def test_single_process(project: Path) -> None:
    script = SCRIPT.replace("run_supervised", "run_single").replace(
        "report=report", "on_serving=lambda banner: print(json.dumps({'kind': 'x', **banner}), flush=True)"
    )

    async def main() -> None:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            script,
            json.dumps(settings_for(project).model_dump(mode="json")),
            env={**os.environ, "PYTHONPATH": str(FAKE_APP_DIR)},
            stdout=asyncio.subprocess.PIPE,
        )
        banner = await line(child, "x")
        assert banner["lines"] == ["version 1"]
        assert json.loads(await request(("127.0.0.1", banner["port"]), "/pid"))["pid"] == child.pid
        child.terminate()
        assert await child.wait() == 0
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", banner["port"]))

    run(main)
