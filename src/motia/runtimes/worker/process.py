"""One worker process at a time behind one socket: started when somebody dials, started again when it dies."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from motia.core.clock import Clock
from motia.core.wording import tally
from motia.errors import WorkerError
from motia.runtimes.worker.connection import CallFailed, Connection, ConnectionGone
from motia.runtimes.worker.greeting import Greeting
from motia.runtimes.worker.kinds import WorkerKind

_BACKLOG = 128
_EARLY_S = 5.0
"""A process that ends sooner than this is started again after a pause."""
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 10.0
_LOOK_S = 0.25
_LEAVE_S = 2.0
_MOST_OUTPUT = 64 * 1024
_WHY_STILL = "a handler computes without a pause, or large packages are being loaded; its other calls wait"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerEvent:
    """What happened to a worker: `started`, `died`, `stalled`, `killed`, `output`."""

    what: str
    worker: str
    languages: Sequence[str]
    pid: int
    text: str = ""
    level: str = "info"

    def beside(self, running: Mapping[str, Sequence[str]]) -> WorkerEvent:
        """The event with the steps that may be the cause, of those that nodes run, by language."""
        names = [name for language in self.languages for name in running.get(language, ())]
        if self.what not in ("stalled", "killed") or not names:
            return self
        return replace(self, text=f"{self.text} (running: {tally(names)})")


class WorkerProcess:
    """Owns the socket at `path` and whatever process accepts on it.

    `start` makes the socket; the first connection starts the process, or it starts at once and is told to
    prepare itself with `ahead`. `stop` ends it and removes the socket; both are safe twice.
    """

    def __init__(
        self,
        kind: WorkerKind,
        path: Path,
        greeting: Greeting,
        clock: Clock,
        *,
        environment: Mapping[str, str],
        report_stall_s: float,
        kill_stall_s: float,
        report: Callable[[WorkerEvent], None],
    ) -> None:
        self.kind = kind
        self.path = path
        self._greeting = greeting
        self._clock = clock
        self._environment = environment
        self._report_stall_s = report_stall_s
        self._kill_stall_s = kill_stall_s
        self._report_event = report
        self._listener: socket.socket | None = None
        self._life: asyncio.Task[None] | None = None
        self._refusing: asyncio.Server | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._watch: Connection | None = None
        self._heard_s = 0.0
        self._stall_told = False
        self._ahead = False

    @property
    def is_running(self) -> bool:
        """Whether there is a process now."""
        return self._process is not None and self._process.returncode is None

    def start(self, *, ahead: bool = False) -> None:
        """Listen. Failure: OSError."""
        if self._listener is not None:
            return
        self.path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.setblocking(False)
        listener.bind(str(self.path))
        listener.listen(_BACKLOG)
        self._listener = listener
        self._ahead = ahead
        self._life = asyncio.ensure_future(self._live(listener))

    async def stop(self) -> None:
        """End the process: by the end of its input, and by force if it does not leave."""
        listener, self._listener = self._listener, None
        if self._life is not None:
            self._life.cancel()
            await asyncio.wait([self._life])
            self._life = None
        if self._refusing is not None:
            self._refusing.close()
            self._refusing = None
        if listener is not None:
            listener.close()
            self.path.unlink(missing_ok=True)

    async def shut_down(self, grace_s: float) -> None:
        """Let what runs end, then stop. For a process whose nodes have gone elsewhere."""
        if self._watch is not None and self._watch.is_open:
            try:
                async with asyncio.timeout(grace_s + _LEAVE_S):
                    await self._watch.ask("shutdown", {"grace_s": grace_s})
            except (TimeoutError, CallFailed, ConnectionGone):
                self._report("output", f"{self.kind.name}: it did not end in time", level="warning")
        await self.stop()

    # One process after the other ----------------------------------------------------------------------

    async def _live(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        pause_s = 0.0
        while True:
            if not self._ahead:
                await _dialled(listener)
            try:
                command = self.kind.command()
            except WorkerError as error:
                self._report("output", f"{error.message}; {error.hint}", level="error")
                await self._refuse_all(listener, error)
                return
            began_s = loop.time()
            try:
                ended = f"it ended by {_exit(await self._run(command, listener))}"
            except OSError as error:
                ended = f"it cannot be started: {error}"
            self._ahead = False
            early = loop.time() - began_s < _EARLY_S
            pause_s = min(max(2 * pause_s, _FIRST_PAUSE_S), _LONGEST_PAUSE_S) if early else 0.0
            then = f"; another may start in {pause_s:.1f} s" if pause_s else ""
            self._report("died", f"{ended}{then}", level="error")
            await self._clock.sleep(pause_s)

    async def _run(self, command: Any, listener: socket.socket) -> int:
        number = listener.fileno()
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=self._greeting.project_dir,
            env={**self._environment, "MOTIA_WORKER_FD": str(number)},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            pass_fds=(number,),
            start_new_session=True,
        )
        self._process = process
        self._report("started")
        self._heard_s = asyncio.get_running_loop().time()
        assert process.stdout is not None
        assert process.stderr is not None
        beside = [
            asyncio.ensure_future(self._read(process.stdout, "info")),
            asyncio.ensure_future(self._read(process.stderr, "error")),
            asyncio.ensure_future(self._watch_beats()),
        ]
        try:
            code = await process.wait()
            await asyncio.wait(beside[:2], timeout=_LEAVE_S)
            return code
        finally:
            for task in beside:
                task.cancel()
            if self._watch is not None:
                self._watch.close()
            await _end(process)

    async def _read(self, stream: asyncio.StreamReader, level: str) -> None:
        """What the process prints, line by line; a line without end goes out in pieces."""
        waiting = b""
        while chunk := await stream.read(_MOST_OUTPUT):
            *lines, waiting = (waiting + chunk).split(b"\n")
            if len(waiting) > _MOST_OUTPUT:
                lines, waiting = [*lines, waiting], b""
            for line in lines:
                self._report("output", line.decode("utf-8", "replace"), level=level)
        if waiting:
            self._report("output", waiting.decode("utf-8", "replace"), level=level)

    # Beats --------------------------------------------------------------------------------------------

    async def _watch_beats(self) -> None:
        """Listen for heartbeats as a client of the worker; tell of silence, and end a process that hangs."""
        loop = asyncio.get_running_loop()
        connection = Connection(
            limits=self._greeting.limits,
            on_call=lambda number, method, params: None,
            on_note=self._noted,
            on_end=lambda reason: None,
        )
        self._watch = connection
        await loop.create_unix_connection(lambda: connection, str(self.path))
        try:
            async with asyncio.timeout(self._greeting.load_s):
                await connection.ask("initialize", self._greeting.params())
        except (TimeoutError, CallFailed, ConnectionGone):
            return  # nodes get the same answer, and tell of it
        if self._ahead:
            connection.note("prepare", {})
        self._heard_s = loop.time()
        while True:
            await self._clock.sleep(_LOOK_S)
            silent_s = loop.time() - self._heard_s
            if silent_s > self._kill_stall_s and self._process is not None:
                self._report("killed", f"it has stood still for {silent_s:.1f} s", level="error")
                _kill(self._process)
                return
            if silent_s > self._report_stall_s and not self._stall_told:
                self._stall_told = True
                text = f"it has stood still for {silent_s:.1f} s: {_WHY_STILL}"
                self._report("stalled", text, level="warning")

    def _noted(self, method: str, params: dict[str, Any]) -> None:
        if method == "heartbeat":
            self._heard_s = asyncio.get_running_loop().time()
            self._stall_told = False

    # Without the program --------------------------------------------------------------------------------

    async def _refuse_all(self, listener: socket.socket, error: WorkerError) -> None:
        async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readline()
            data = {"code": error.code, "hint": error.hint}
            answer = {"code": -32000, "message": error.message, "data": data}
            writer.write(orjson.dumps({"jsonrpc": "2.0", "id": 1, "error": answer}) + b"\n")
            writer.close()

        self._refusing = await asyncio.start_unix_server(refuse, sock=listener)

    def _report(self, what: str, text: str = "", level: str = "info") -> None:
        pid = 0 if self._process is None else self._process.pid
        self._report_event(
            WorkerEvent(
                what=what,
                worker=self.kind.name,
                languages=self.kind.languages,
                pid=pid,
                text=text,
                level=level,
            )
        )


async def _dialled(listener: socket.socket) -> None:
    """Wait until a connection waits in the socket's backlog."""
    loop = asyncio.get_running_loop()
    waiting: asyncio.Future[None] = loop.create_future()

    def dialled() -> None:
        if not waiting.done():
            waiting.set_result(None)

    loop.add_reader(listener.fileno(), dialled)
    try:
        await waiting
    finally:
        loop.remove_reader(listener.fileno())


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(_LEAVE_S):
            await process.wait()
    except TimeoutError:
        _kill(process)
        await process.wait()


def _kill(process: asyncio.subprocess.Process) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return  # it has just ended


def _exit(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    return signal.Signals(-code).name
