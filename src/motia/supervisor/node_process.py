"""One node process as the supervisor sees it: spawned, spoken to, listened to, killed."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from motia.supervisor.channel import Channel, Message


class NodeProcess:
    """A child process running `motia.node`, in a process group of its own.

    `on_message` and `on_exit` are called on the event loop; after `on_exit` nothing more is called.
    Must be spawned by the main thread: on Linux the child dies with the thread that spawned it.
    """

    slot: int | None = None
    """None while it is a spare."""
    thread: int | None = None
    """Identity of its event loop's thread."""
    banner: Mapping[str, Any]
    running: Sequence[str] = ()
    drained = False
    heard_s = 0.0
    loading_since_s = 0.0
    drain_end_s: float | None = None
    stall_reported = False
    killed = False

    def __init__(
        self,
        on_message: Callable[[NodeProcess, Message], None],
        on_exit: Callable[[NodeProcess, int], None],
    ) -> None:
        self._on_exit = on_exit
        self._channel = Channel(lambda message: on_message(self, message), lambda: None)
        self._process: subprocess.Popen[bytes] | None = None
        self.banner = {}

    def spawn(self, *, app: str, fds: Sequence[int], dump_dir: Path, environment: Mapping[str, str]) -> None:
        """Start the process as a spare that inherits `fds`. *Failure*: OSError."""
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "motia.node", "--control", str(theirs.fileno()), "--app", app],
                    pass_fds=(theirs.fileno(), *fds),
                    env=dict(environment),
                    stdin=subprocess.DEVNULL,
                    process_group=0,
                )
        except OSError:
            ours.close()
            raise
        self.dump_path = dump_dir / f"node-{self.pid}.stack"
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._await_exit, args=(loop,), name=f"node-{self.pid}", daemon=True).start()
        self._opening = loop.create_task(self._channel.open(ours))

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def send(self, kind: str, /, **fields: Any) -> None:
        self._channel.send(kind, **fields)

    def kill(self) -> None:
        """End the process and what it started, now. Its exit is told as every other."""
        assert self._process is not None
        self.killed = True
        if self._process.returncode is None:
            try:
                os.killpg(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                return  # it has just exited: `on_exit` is on its way

    def dump(self) -> str:
        """What the node wrote when it stalled or crashed; empty if nothing."""
        try:
            return self.dump_path.read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def forget(self) -> None:
        """Remove what the dead process left."""
        self._channel.close()
        self.dump_path.unlink(missing_ok=True)

    def _await_exit(self, loop: asyncio.AbstractEventLoop) -> None:
        assert self._process is not None
        code = self._process.wait()
        if not loop.is_closed():
            loop.call_soon_threadsafe(self._on_exit, self, code)
