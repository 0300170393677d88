"""`motia start` and `motia dev` as real processes, for tests that kill them."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import httpx

from motia.adapters import open_backend
from motia.backends.protocol import Backend
from motia.core.message import DeadLetter
from motia.settings.load import load_settings

T = TypeVar("T")
COMMAND = [sys.executable, "-P", "-c", "from motia.cli.main import run; run()"]
_API = re.compile(r"http://127\.0\.0\.1:(\d+)")
_LOOK_S = 0.05
_PR_SET_PDEATHSIG = 1

PID_STEP = """
import os
config = {"name": "Pid", "triggers": [http("GET", "/pid")]}
async def handler(request, ctx):
    return {"pid": os.getpid()}
"""


class Project:
    """A project folder, the runtime directory it uses, and its processes."""

    def __init__(self, folder: Path, runtime: Path) -> None:
        self.folder = folder
        self.program = COMMAND
        """What runs it; a test may put another in place of the command line."""
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("MOTIA_")},
            "XDG_RUNTIME_DIR": str(runtime),
        }
        (runtime / "motia").mkdir(mode=0o700)
        self.step("pid", PID_STEP)

    def step(self, name: str, source: str) -> None:
        steps = self.folder / "steps"
        steps.mkdir(exist_ok=True)
        imports = "from __future__ import annotations\nimport asyncio\nfrom motia import *\n"
        (steps / f"{name}_step.py").write_text(imports + textwrap.dedent(source))

    def file(self, name: str, source: str) -> None:
        (self.folder / name).write_text(textwrap.dedent(source))

    def command(self, *arguments: str, limit_s: float = 40) -> subprocess.CompletedProcess[str]:
        """Run a command of `motia` to its end."""
        return subprocess.run(
            [*COMMAND, *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=limit_s,
            check=False,
        )

    @contextlib.contextmanager
    def running(self, *arguments: str) -> Iterator[Running]:
        """`motia <arguments> --port 0`, until the block ends; whatever is left is killed."""
        running = Running(self, arguments)
        try:
            yield running
        finally:
            running.kill()

    @contextlib.asynccontextmanager
    async def store(self) -> AsyncIterator[Backend]:
        """The project's data, read beside its nodes."""
        settings = load_settings(self.folder, mode="production").settings
        backend = open_backend(settings)
        await backend.open()
        try:
            yield backend
        finally:
            await backend.close()

    async def left(self) -> tuple[int, list[DeadLetter]]:
        """Messages that have not ended, and the dead letters."""
        async with self.store() as backend:
            depths = await backend.queue.depths()
            waiting = sum(one.ready + one.scheduled + one.blocked + one.claimed for one in depths)
            return waiting, await backend.queue.dead_letters(limit=10_000)


class Running:
    """One `motia` process that serves, and its children."""

    def __init__(self, project: Project, arguments: tuple[str, ...]) -> None:
        self.log = project.folder / f"log-{time.monotonic_ns()}.txt"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*project.program, *arguments, "--port", "0"],
                cwd=project.folder,
                env=project.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_the_test,
            )
        self._nodes: set[int] = set()

    @property
    def text(self) -> str:
        return self.log.read_text(errors="replace")

    async def ready(self, limit_s: float = 40) -> str:
        """The base URL, once a node serves."""

        async def look() -> str | None:
            assert self.process.poll() is None, f"ended with {self.process.returncode}:\n{self.text}"
            found = _API.search(self.text)
            if found is None:
                return None
            try:
                async with httpx.AsyncClient() as client:
                    answer = await client.get(f"{found[0]}/ready", timeout=40)
            except httpx.TransportError:
                return None
            return found[0] if answer.status_code == 200 else None

        return await eventually(look, limit_s, lambda: self.text)

    def nodes(self) -> list[int]:
        """Process ids of the node processes that live."""
        listed = subprocess.run(
            ["ps", "-A", "-o", "pid=,ppid=,stat="], capture_output=True, text=True, check=True
        )
        rows = [line.split() for line in listed.stdout.splitlines()]
        own = str(self.process.pid)
        found = [int(row[0]) for row in rows if row[1] == own and not row[2].startswith("Z")]
        self._nodes.update(found)
        return found

    async def some_node(self, base: str) -> int:
        """The pid of the node that answers."""
        async with httpx.AsyncClient() as client:
            pid: int = (await client.get(f"{base}/pid")).json()["pid"]
            return pid

    async def stop(self, limit_s: float = 30) -> int:
        """SIGTERM, and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return await self.ended(limit_s)

    async def ended(self, limit_s: float = 30) -> int:
        code = await eventually(self._code, limit_s, lambda: self.text)
        return code[0]

    async def _code(self) -> tuple[int] | None:
        code = self.process.poll()
        return None if code is None else (code,)

    def kill(self) -> None:
        """End the process and its nodes, however they are."""
        nodes = self.nodes() if self.process.poll() is None else []
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        for pid in {*nodes, *self._nodes}:
            with contextlib.suppress(ProcessLookupError):
                if _is_node(pid):
                    os.kill(pid, signal.SIGKILL)


def _die_with_the_test() -> None:
    """A test run that is killed leaves no project running; the kernel sees to it on Linux."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _is_node(pid: int) -> bool:
    """Whether the pid is still that of a node, and not of a stranger that came after it."""
    found = subprocess.run(["ps", "-p", str(pid), "-o", "args="], capture_output=True, text=True, check=False)
    return "motia.node" in found.stdout


async def eventually(
    look: Callable[[], Awaitable[T | None]], limit_s: float, tell: Callable[[], str] = lambda: ""
) -> T:
    """What `look` gives once it gives something; fails after `limit_s`, with what `tell` says."""
    end_s = time.monotonic() + limit_s
    while True:
        found = await look()
        if found is not None:
            return found
        assert time.monotonic() < end_s, f"not within {limit_s} s\n{tell()[-6000:]}"
        await asyncio.sleep(_LOOK_S)


def run(main: Callable[[], Awaitable[None]], limit_s: float = 120) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(limit_s):
            await main()

    asyncio.run(bounded())


def is_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    body: dict[str, Any] = answer.json()
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert "Traceback" not in answer.text
    assert "_step.py" not in answer.text
    return body
