"""A step's process: loads the project once, then runs one invocation at a time for the node that owns it."""

from __future__ import annotations

import asyncio
import ctypes
import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from motia import encoding
from motia.core.clock import SystemClock
from motia.core.invocation import Cancelled, Failed, Invocation, Outcome, RetryLater, Succeeded
from motia.core.registry import Registry
from motia.errors import HandlerError, MotiaError, WorkerError
from motia.runtimes.process.remote_calls import RemoteCalls
from motia.runtimes.process.wire import Frames, frame
from motia.runtimes.python.output import capture_output
from motia.runtimes.python.runtime import PythonRuntime

_PR_SET_PDEATHSIG = 1
Load = Callable[[], Awaitable[tuple[PythonRuntime, Registry]]]


def die_with(parent: int) -> None:
    """Let the system end this process with its node, even while a handler holds the interpreter."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


class StepProcess(asyncio.Protocol):
    """The channel to the node, and what runs for it."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._frames = Frames()
        self._transport: asyncio.Transport | None = None
        self._runtime: PythonRuntime | None = None
        self._registry: Registry | None = None
        self._calls: RemoteCalls | None = None
        self._task: asyncio.Task[None] | None = None
        self._last_ask = 0
        self._unanswered: dict[int, asyncio.Future[Any]] = {}
        self._base_bytes = 0
        self._clock = SystemClock()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self.ended: asyncio.Future[None] = self._loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # of a socket: it writes, too
        self._task = asyncio.ensure_future(self._begin())

    async def _begin(self) -> None:
        try:
            self._runtime, self._registry = await self._load()
        except MotiaError as error:
            self._send({"unready": error})
            return
        capture_output()
        self._base_bytes = data_bytes() or 0
        self._send({"ready": True})

    def data_received(self, data: bytes) -> None:
        for message in self._frames.feed(data):
            if "invoke" in message:
                self._task = asyncio.ensure_future(self._run(message))
            elif "answer" in message:
                self._answered(message)
            elif "cancel" in message and self._calls is not None and self._task is not None:
                self._calls.stop_reason = message["cancel"]
                self._task.cancel()

    def connection_lost(self, exc: Exception | None) -> None:
        # The node is gone, or done with this process: a handler that still runs has nobody to tell.
        os._exit(0)

    def _send(self, message: dict[str, Any]) -> None:
        assert self._transport is not None
        self._transport.write(frame(message))

    def _answered(self, message: dict[str, Any]) -> None:
        future = self._unanswered.pop(message["answer"])
        if future.done():
            return
        if "error" in message:
            future.set_exception(message["error"])
        else:
            future.set_result(message["result"])

    def _ask(self, method: str, arguments: Sequence[Any]) -> asyncio.Future[Any]:
        self._last_ask += 1
        future: asyncio.Future[Any] = self._loop.create_future()
        self._unanswered[self._last_ask] = future
        self._send({"ask": self._last_ask, "method": method, "arguments": list(arguments)})
        return future

    def _tell(self, method: str, arguments: Sequence[Any]) -> None:
        message = {"tell": method, "arguments": list(arguments)}
        if threading.get_ident() == self._thread:
            self._send(message)
        else:
            self._loop.call_soon_threadsafe(self._send, message)

    # Running ----------------------------------------------------------------------------------------

    async def _run(self, message: dict[str, Any]) -> None:
        try:
            outcome = await self._invoke(message)
        except asyncio.CancelledError:
            outcome = Failed(WorkerError("the handler was stopped", code="process.stopped"))
        except Exception as error:
            outcome = Failed(HandlerError(str(error), type_name=type(error).__name__))
        finally:
            self._calls = None
            limit_memory(None)
        self._send({"outcome": _sendable(outcome)})

    async def _invoke(self, message: dict[str, Any]) -> Outcome:
        assert self._runtime is not None
        assert self._registry is not None
        step = self._registry.steps.get(message["invoke"])
        if step is None:
            return Failed(
                WorkerError(
                    f"{message['invoke']}: expected a step that loads in its process, got none",
                    code="process.no_step",
                )
            )
        invocation = Invocation(
            step=step,
            trigger_index=message["trigger_index"],
            occurrence=message["occurrence"],
            trace=message["trace"],
            attempt=message["attempt"],
        )
        calls = self._calls = RemoteCalls(
            invocation,
            message["timeout_s"],
            self._ask,
            self._tell,
            self._clock.now_ms,
            self._registry.steps.get,
        )
        limit = message["memory_bytes"]
        limit_memory(None if limit is None else self._base_bytes + limit)
        outcome = await self._runtime.invoke(invocation, calls)
        limit_memory(None)
        if isinstance(outcome, Failed):
            cause = outcome.error.__cause__ or outcome.error
            if isinstance(cause, MemoryError):
                return Failed(_out_of_memory(invocation, limit, outcome.error))
            return await self._runtime.with_retry(invocation, outcome, cause)
        return outcome


def _out_of_memory(invocation: Invocation, limit: int | None, error: MotiaError) -> HandlerError:
    allowed = "what the machine gives" if limit is None else f"{limit} bytes on top of the loaded project"
    return HandlerError(
        f"{invocation.step.name}: expected to need at most {allowed}, got a MemoryError",
        code="process.out_of_memory",
        type_name="MemoryError",
        stack=getattr(error, "stack", ""),
        hint="raise the trigger's `memory`, or let the handler work in smaller pieces",
    )


def _sendable(outcome: Outcome) -> Outcome:
    if isinstance(outcome, Succeeded) and outcome.value is not None:
        try:
            return Succeeded(encoding.decode(encoding.encode(outcome.value)))
        except MotiaError as error:
            return Failed(
                HandlerError(
                    f"result: expected what JSON can carry out of the process, got: {error.message}",
                    code="process.bad_result",
                    hint="return plain data, a Pydantic model or nothing",
                    retryable=False,
                )
            )
    if isinstance(outcome, Succeeded | Failed | RetryLater | Cancelled):
        return outcome
    # It was asked to stop: the node knows why.
    return Cancelled("stopped")


def data_bytes() -> int | None:
    """What this process has allocated; None where the system does not tell."""
    try:
        status = Path("/proc/self/status").read_text("ascii")
    except OSError:
        return None
    line = next((line for line in status.splitlines() if line.startswith("VmData:")), None)
    return None if line is None else int(line.split()[1]) * 1024


def limit_memory(most_bytes: int | None) -> None:
    """Let allocations past that fail; None = no limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (hard if most_bytes is None else most_bytes, hard))


async def serve(descriptor: int, load: Load) -> None:
    """Run what the node sends over this socket, until it closes it."""
    loop = asyncio.get_running_loop()
    channel = socket.socket(fileno=descriptor)
    _, process = await loop.create_unix_connection(lambda: StepProcess(load), sock=channel)
    await process.ended
