"""One node process as the supervisor sees it: spawned, spoken to, listened to, killed."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from motia.supervisor.channel import Channel, Message
from motia.supervisor.spawn import Spawned


class NodeProcess:
    """A child process running `motia.node`, in a process group of its own.

    It begins as a spare. `on_message` and `on_exit` are called on the event loop that made it; after
    `on_exit` nothing more is called.
    """

    slot: int | None = None
    """None while it is a spare."""
    thread: int | None = None
    """Identity of its event loop's thread."""
    banner: Mapping[str, Any]
    running: Mapping[str, Sequence[str]]
    """Names of the steps it executes, by language."""
    served = False
    drained = False
    heard_s = 0.0
    loading_since_s = 0.0
    drain_end_s: float | None = None
    stall_reported = False
    killed = False

    def __init__(
        self,
        spawned: Spawned,
        on_message: Callable[[NodeProcess, Message], None],
        on_exit: Callable[[NodeProcess, int], None],
        *,
        dump_dir: Path,
    ) -> None:
        self._process = spawned.process
        self._handover = spawned.handover
        self.running = {}
        self._on_exit = on_exit
        self._channel = Channel(lambda message: on_message(self, message), lambda: None)
        self.banner = {}
        self.dump_path = dump_dir / f"node-{self.pid}.stack"
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._await_exit, args=(loop,), name=f"node-{self.pid}", daemon=True).start()
        self._opening = loop.create_task(self._channel.open(spawned.control))

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, kind: str, /, **fields: Any) -> None:
        self._channel.send(kind, **fields)

    def load(self, listeners: Mapping[str, int], **fields: Any) -> None:
        """Have it load the project, to accept on these descriptors once it is told to."""
        try:
            with self._handover:
                socket.send_fds(self._handover, [b"."], list(listeners.values()))
        except OSError:
            return  # it has just died: `on_exit` is on its way
        self.send("load", listeners=list(listeners), **fields)

    def kill(self) -> None:
        """End the process and what it started, now. Its exit is told as every other."""
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
        self._handover.close()
        self.dump_path.unlink(missing_ok=True)

    def _await_exit(self, loop: asyncio.AbstractEventLoop) -> None:
        code = self._process.wait()
        if not loop.is_closed():
            loop.call_soon_threadsafe(self._on_exit, self, code)
