"""The process that runs a node: `python -m motia.node --control FD --handover FD --app MODULE:ATTRIBUTE`.

Started by the supervisor. It imports the framework and waits as a *spare*; told to `load`, it loads the
project and says `ready`; told to `take`, it accepts on its slot's sockets and says `serving`; told to
`drain`, on SIGTERM, or when the supervisor is gone, it finishes what it does and exits with 0.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import os
import resource
import signal
import socket
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

import uvloop

from motia.errors import BackendError, MotiaError, SettingsError
from motia.node.collector import settle_collector
from motia.server.lifecycle import serve_until
from motia.server.node_app import DEFAULT_APP, AppFactory, NodeApp, find_factory
from motia.server.stall_dump import StallDump
from motia.settings import Settings
from motia.supervisor.channel import Channel, Message

_BEAT_S = 0.25
_IDLE_S = 0.5
_EXIT_WITHIN_S = 2.0
_OTHER_FILES = 1024
_PR_SET_PDEATHSIG = 1


class _ProjectExited(Exception):
    """A module of the project called `sys.exit` while it was imported."""


class _Node:
    """One node's life, from spare to exit."""

    def __init__(self, control: socket.socket, handover: socket.socket, app_name: str) -> None:
        self._control = control
        self._handover = handover
        self._app_name = app_name
        self._channel = Channel(self._on_message, self._on_end)
        self._loaded: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._take = asyncio.Event()
        self._drain = asyncio.Event()
        self._app: NodeApp | None = None
        self._taking: asyncio.Task[None] | None = None
        self._dump: StallDump | None = None

    async def run(self) -> int:
        """The exit code: 0 after a drain, 1 if the project did not load or requests had to be cut."""
        await self._channel.open(self._control)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._drain.set)
        factory: AppFactory | None = None
        failure: BaseException | None = None
        try:
            factory = find_factory(self._app_name)
        except Exception as error:
            failure = error  # told in answer to `load`: only then does anybody want this node
        self._channel.send("spare", thread=threading.get_ident())
        warming = asyncio.get_running_loop().call_later(_IDLE_S, _warm_up, factory)
        if not await self._until(self._loaded):
            return 0
        warming.cancel()
        order = self._loaded.result()
        self._dump = StallDump(Path(order["dump_path"]), order["stall_s"])
        self._tick()
        try:
            if factory is None:
                assert failure is not None
                return self._fail(failure)
            return await self._serve(factory, order)
        finally:
            self._dump.close()
            self._dump = None

    async def _serve(self, factory: AppFactory, order: Message) -> int:
        listeners = self._accept_listeners(order["listeners"])
        settings = Settings.model_validate(order["settings"])
        os.chdir(settings.project_dir)
        os.environ.update(order["dotenv"])
        time.tzset()
        _allow_files(settings.limits.connections + _OTHER_FILES)
        try:
            self._app = app = factory(
                settings, slot=order["slot"], beat=self.beat, worker_sockets=order["workers"]
            )
        except Exception as error:
            return self._fail(error)
        starting = asyncio.ensure_future(_start(app))
        try:
            if not await self._until(starting):
                starting.cancel()
                await asyncio.wait([starting])
                return 0
            starting.result()
            self._channel.send("ready", banner=app.banner())
            if not await self._until(asyncio.ensure_future(self._take.wait())):
                return 0
            finished = await serve_until(
                app,
                listeners,
                settings=settings,
                drain=self._drain,
                on_serving=lambda: self._channel.send("serving"),
                on_draining=lambda: self._channel.send("draining"),
            )
        except Exception as error:
            return self._fail(error)
        finally:
            await app.stop()
            self._app = None
        self._channel.send("drained")
        return 0 if finished else 1

    def _accept_listeners(self, names: list[str]) -> dict[str, socket.socket]:
        with self._handover:
            _, fds, _, _ = socket.recv_fds(self._handover, 1, len(names))
        listeners = {name: socket.socket(fileno=fd) for name, fd in zip(names, fds, strict=True)}
        for listener in listeners.values():
            listener.set_inheritable(False)
        return listeners

    def beat(self) -> None:
        """Tell the supervisor that the loop turns, and what it runs."""
        if self._dump is None:
            return
        self._dump.beat()
        if not self._channel.congested:
            app = self._app
            self._channel.send("beat", running=app.running() if app else {}, worn=app.worn() if app else None)

    def _tick(self) -> None:
        if self._dump is not None:
            asyncio.get_running_loop().call_later(_BEAT_S, self._tick)
            self.beat()

    async def _until(self, wanted: asyncio.Future[Any]) -> bool:
        """Wait for `wanted`; False if a drain is wanted first."""
        drained = asyncio.ensure_future(self._drain.wait())
        await asyncio.wait([wanted, drained], return_when=asyncio.FIRST_COMPLETED)
        drained.cancel()
        if wanted.done():
            return True
        return not self._drain.is_set()

    def _fail(self, error: BaseException) -> int:
        self._channel.send("failed", error=describe_failure(error))
        return 1

    def _on_message(self, message: Message) -> None:
        kind = message["type"]
        if kind == "load":
            self._loaded.set_result(message)
        elif kind == "take":
            self._take.set()
        elif kind == "drain":
            self._drain.set()
        elif kind == "workers":
            self._taking = asyncio.ensure_future(self._take_workers(message, self._taking))
        elif kind == "node_died" and self._app is not None:
            self._app.node_died(message["pid"])

    async def _take_workers(self, message: Message, before: asyncio.Task[None] | None) -> None:
        """Go over to other workers, after a change that is not through yet."""
        if before is not None:
            await asyncio.wait([before])
        app = self._app
        try:
            if app is not None:
                await app.reload_workers(message["sockets"])
        except Exception as error:
            self._channel.send("took_workers", error=describe_failure(error), banner={})
            return
        self._channel.send("took_workers", error=None, banner=app.banner() if app is not None else {})

    def _on_end(self) -> None:
        self._drain.set()


def _warm_up(factory: AppFactory | None) -> None:
    """A spare that is not wanted at once has the time to import what a load would import."""
    if factory is not None:
        factory.preload()


async def _start(app: NodeApp) -> None:
    try:
        await app.start()
        settle_collector()
    except SystemExit as error:
        # It would tear the event loop down before anybody is told.
        raise _ProjectExited(f"a module of the project called sys.exit({error.code!r})") from error


def describe_failure(error: BaseException) -> dict[str, Any]:
    """What a person needs to see of an error that ended a start; JSON-able."""
    told = {"type": type(error).__name__, "message": str(error)}
    if isinstance(error, MotiaError):
        told["code"] = error.code
    else:
        told["traceback"] = "".join(traceback.format_exception(error))
    return {**told, "operator": isinstance(error, SettingsError | BackendError)}


def _allow_files(count: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _die_with_parent() -> None:
    """Linux: the kernel kills this process when the supervisor dies, whatever our loop is doing then.

    Elsewhere the end of the control connection is what ends us.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _exit_soon(code: int) -> None:
    """Threads that never come back (abandoned handlers) must not keep a drained process alive."""

    def leave() -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)

    timer = threading.Timer(_EXIT_WITHIN_S, leave)
    timer.daemon = True
    try:
        timer.start()
    except RuntimeError:
        # The system starts no more threads for this process; everything is closed already.
        leave()


async def _run(control_fd: int, handover_fd: int, app_name: str) -> int:
    control, handover = socket.socket(fileno=control_fd), socket.socket(fileno=handover_fd)
    control.set_inheritable(False)
    handover.set_inheritable(False)
    code = await _Node(control, handover, app_name).run()
    _exit_soon(code)
    return code


def main(arguments: list[str] | None = None) -> int:
    """Run a node; the process's exit code."""
    parser = argparse.ArgumentParser(prog="motia.node", description=__doc__)
    parser.add_argument("--control", type=int, required=True)
    parser.add_argument("--handover", type=int, required=True)
    parser.add_argument("--app", default=DEFAULT_APP)
    options = parser.parse_args(arguments)
    _die_with_parent()
    # Ctrl-C is the supervisor's to handle. Unlike SIG_IGN a handler is not inherited by the user's processes.
    signal.signal(signal.SIGINT, lambda *_: None)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run(options.control, options.handover, options.app))
