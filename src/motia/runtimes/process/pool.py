"""The node's side of handlers in processes of their own: warm processes, one invocation at a time in each."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from motia import encoding
from motia.core.calls import Calls
from motia.core.clock import Clock
from motia.core.invocation import (
    Cancelled,
    Crashed,
    Failed,
    Invocation,
    Outcome,
    Released,
    TimedOut,
)
from motia.core.trigger import process_of
from motia.errors import HandlerError, MotiaError, WorkerError
from motia.runtimes.process.remote_calls import ASKED, TOLD
from motia.runtimes.process.wire import Frames, frame

_START_S = 120.0


class StepProcesses:
    """Runs invocations in processes: at most `most` at once, each kept for the next when it has ended well.

    *Cancellation*: a handler that does not end within `grace_s` of being told to is killed with its process.
    """

    def __init__(
        self, program: Sequence[str], project_dir: Path, *, most: int, grace_s: float, clock: Clock
    ) -> None:
        self._program = program
        self._project_dir = project_dir
        self._grace_s = grace_s
        self._clock = clock
        self._room = asyncio.Semaphore(most)
        self._idle: list[_Process] = []
        self._all: set[_Process] = set()

    async def invoke(self, invocation: Invocation, calls: Calls) -> Outcome:
        """Run a handler to its end. Never raises for what its code does."""
        try:
            await self._room.acquire()
        except asyncio.CancelledError:
            return _not_started(calls)
        process = None
        try:
            process = await self._take()
            outcome = await process.run(invocation, calls, self._grace_s)
        except asyncio.CancelledError:
            if process is None:
                return _not_started(calls)
            if calls.stop_reason is None:
                raise
            return _stopped(calls)
        except MotiaError as error:
            return Failed(error)
        finally:
            self._room.release()
            if process is not None:
                self._give_back(process)
        if calls.pending:
            try:
                await calls.finish_pending()
            except MotiaError as error:
                return Failed(error)
        return outcome

    async def _take(self) -> _Process:
        while self._idle:
            process = self._idle.pop()
            if process.usable:
                return process
            self._end(process)
        process = _Process(self._program, self._project_dir)
        self._all.add(process)
        try:
            await process.start(self._clock)
        except BaseException:
            self._end(process)
            raise
        return process

    def _give_back(self, process: _Process) -> None:
        if process.usable and process in self._all:
            self._idle.append(process)
        else:
            self._end(process)

    def _end(self, process: _Process) -> None:
        self._all.discard(process)
        process.kill()

    def close(self) -> None:
        """Kill them all. Safe twice."""
        for process in list(self._all):
            self._end(process)
        self._idle.clear()


class _Process(asyncio.Protocol):
    """One process and the channel to it."""

    def __init__(self, program: Sequence[str], project_dir: Path) -> None:
        self._program = program
        self._project_dir = project_dir
        self._frames = Frames()
        self._popen: subprocess.Popen[bytes] | None = None
        self._transport: asyncio.Transport | None = None
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._outcome: asyncio.Future[Outcome] | None = None
        self._calls: Calls | None = None
        self.usable = False

    async def start(self, clock: Clock) -> None:
        """Start it and wait until it has loaded the project. Failure: `WorkerError` `process.no_start`."""
        ours, theirs = socket.socketpair()
        with theirs:
            # Not from another thread: the system ends a process with the *thread* that started it.
            self._popen = subprocess.Popen(  # noqa: ASYNC220 - it returns at once
                [*self._program, str(theirs.fileno()), str(os.getpid()), str(self._project_dir)],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                cwd=self._project_dir,
            )
        loop = asyncio.get_running_loop()
        await loop.create_unix_connection(lambda: self, sock=ours)
        timer = clock.call_later(_START_S, self.kill)
        try:
            await self._ready
        finally:
            timer.cancel()
        self.usable = True

    async def run(self, invocation: Invocation, calls: Calls, grace_s: float) -> Outcome:
        policy = process_of(invocation.step.triggers, invocation.trigger_index)
        self._calls = calls
        self._outcome = asyncio.get_running_loop().create_future()
        outcome = self._outcome
        self._send(
            {
                "invoke": invocation.step.name,
                "trigger_index": invocation.trigger_index,
                "occurrence": invocation.occurrence,
                "trace": invocation.trace,
                "attempt": invocation.attempt,
                "timeout_s": calls.timeout_s,
                "memory_bytes": None if policy is None else policy.memory_bytes,
            }
        )
        try:
            found = await asyncio.shield(outcome)
        except asyncio.CancelledError:
            await self._stop(outcome, calls, grace_s)
            raise
        except _Gone as gone:
            return Crashed(_crashed(invocation, gone), alone=True)
        finally:
            self._calls = None
            if not outcome.done():
                # Interrupted twice: its handler still runs, and would answer for the next one.
                self.usable = False
        if isinstance(found, Failed) and found.error.code == "process.out_of_memory":
            # What it has allocated may be kept: the next one begins with nothing of it.
            self.usable = False
        return found

    async def _stop(self, outcome: asyncio.Future[Outcome], calls: Calls, grace_s: float) -> None:
        """Ask the handler to end, then make it."""
        if not outcome.done():
            self._send({"cancel": calls.stop_reason or "cancelled"})
            await asyncio.wait([outcome], timeout=grace_s)
        if not outcome.done():
            self.kill()
            await asyncio.wait([outcome])
        outcome.exception()

    def kill(self) -> None:
        """End it at once. Safe twice."""
        self.usable = False
        if self._popen is not None and self._popen.poll() is None:
            self._popen.kill()
            self._popen.wait()
        if self._transport is not None:
            self._transport.close()

    def _send(self, message: dict[str, Any]) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(frame(message))

    # asyncio.Protocol ---------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # of a socket: it writes, too

    def connection_lost(self, exc: Exception | None) -> None:
        self.usable = False
        gone = _Gone(self._how_it_ended())
        if not self._ready.done():
            self._ready.set_exception(_no_start(str(gone)))
        if self._outcome is not None and not self._outcome.done():
            self._outcome.set_exception(gone)

    def _how_it_ended(self) -> str:
        assert self._popen is not None
        try:
            # Its end of the channel is closed: it has ended, or is about to.
            code = self._popen.wait(1.0)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            code = self._popen.wait()
        if code >= 0:
            return f"exit code {code}"
        return f"ended by {signal.Signals(-code).name}"

    def data_received(self, data: bytes) -> None:
        for message in self._frames.feed(data):
            if "outcome" in message:
                if self._outcome is not None and not self._outcome.done():
                    self._outcome.set_result(message["outcome"])
            elif "ask" in message:
                self._asked(message["ask"], message["method"], message["arguments"])
            elif "tell" in message:
                self._told(message["tell"], message["arguments"])
            elif "ready" in message:
                self._ready.set_result(None)
            elif "unready" in message:
                self._ready.set_exception(_no_start(message["unready"].message))

    # What the handler asks ----------------------------------------------------------------------------

    def _asked(self, number: int, method: str, arguments: Sequence[Any]) -> None:
        try:
            future = self._target(method, ASKED)(*arguments)
        except Exception as error:
            self._send({"answer": number, "error": _sendable(error)})
            return

        def answer(done: asyncio.Future[Any]) -> None:
            if done.cancelled():
                error: BaseException | None = asyncio.CancelledError()
            else:
                error = done.exception()
            if error is not None:
                self._send({"answer": number, "error": _sendable(error)})
                return
            result = done.result()
            if method == "call":
                # What a step returns may be of any class of the author's.
                try:
                    result = encoding.decode(encoding.encode(result))
                except MotiaError as unsendable:
                    self._send({"answer": number, "error": unsendable})
                    return
            self._send({"answer": number, "result": result})

        if future.done():
            answer(future)
        else:
            future.add_done_callback(answer)

    def _told(self, method: str, arguments: Sequence[Any]) -> None:
        if self._calls is None:
            return
        if method == "log":
            level, message, data = arguments
            getattr(self._calls.logger, level)(message, data or None)
        elif method == "begin_atomic":
            self._calls.begin_atomic(settle=arguments[0])
        else:
            self._target(method, TOLD)(*arguments)

    def _target(self, method: str, known: frozenset[str]) -> Any:
        if self._calls is None or method not in known:
            raise HandlerError(
                f"{method}: expected a handler that still runs, got one that has ended",
                code="context.ended",
                hint="await what the handler begins before it returns",
            )
        owner, _, name = method.rpartition(".")
        return getattr(self._calls.streams if owner else self._calls, name)


class _Gone(Exception):
    """The process ended before it told an outcome."""


def _sendable(error: BaseException) -> MotiaError:
    if isinstance(error, MotiaError):
        return error
    return HandlerError(str(error) or type(error).__name__, type_name=type(error).__name__)


def _crashed(invocation: Invocation, gone: _Gone) -> WorkerError:
    return WorkerError(
        f"the process that ran {invocation.step.name} died: {gone}",
        code="process.crashed",
        hint="look at what it printed last; SIGKILL may mean that the machine was out of memory, and a"
        " native module may have ended it",
        retryable=True,
    )


def _no_start(why: str) -> WorkerError:
    return WorkerError(
        f"a process for a step: expected it to load the project, got: {why}",
        code="process.no_start",
        hint="look at what it printed last",
        retryable=True,
    )


def _not_started(calls: Calls) -> Outcome:
    if calls.stop_reason is None:
        raise asyncio.CancelledError
    if calls.stop_reason == "timed_out":
        # It waited for a free process all the time: that is no fault of the handler.
        calls.stop_reason = "not_started"
    return _stopped(calls)


def _stopped(calls: Calls) -> Outcome:
    if calls.stop_reason == "cancelled":
        return Cancelled("it was cancelled while it ran", from_outside=True)
    return TimedOut(calls.timeout_s) if calls.stop_reason == "timed_out" else Released()


PROGRAM = (sys.executable, "-P", "-m", "motia.node.step_process")
"""What runs a step's process; the descriptor of its channel, the node's pid and the project follow."""
