"""A handler's context in a step's process: every call is asked of the node, in order."""

from __future__ import annotations

import asyncio
import dataclasses
import sys
import traceback
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from motia import encoding
from motia.core.calls import EnqueueRequest, Part, StateWrite, StreamWrite, overlooked
from motia.core.invocation import Invocation
from motia.core.message import MessageId
from motia.core.step import Step
from motia.core.workflow import RunId
from motia.errors import HandlerError, MotiaError, WorkflowError

T = TypeVar("T")
_LEVELS = ("debug", "info", "warning", "error", "critical")
_KEPT = 64

ASKED = frozenset(
    {
        *("enqueue", "enqueue_one", "enqueue_many", "bulk", "cancel_bulk", "messages", "cancel_messages"),
        *(
            "runs",
            "journal",
            "cancel_trace",
            "call",
            "signal",
            "state_get",
            "state_entries",
            "state_scopes",
            "state_write",
        ),
        *("commit_atomic", "streams.get", "streams.group", "streams.groups", "streams.write"),
    }
)
"""Calls that the node answers."""
TOLD = frozenset({"begin_atomic", "abandon_atomic", "streams.tell_delta", "tell_part", "log"})
"""Calls without an answer."""


class RemoteCalls:
    """`core.calls.Calls` of one execution, over the channel to the node.

    `ask(method, arguments)` gives a future of the node's answer, `tell` sends and forgets.
    """

    def __init__(
        self,
        invocation: Invocation,
        timeout_s: float,
        ask: Callable[[str, Sequence[Any]], asyncio.Future[Any]],
        tell: Callable[[str, Sequence[Any]], None],
        now_ms: Callable[[], int],
        step_named: Callable[[str], Step | None],
    ) -> None:
        self.invocation = invocation
        self.loop = asyncio.get_running_loop()
        self.user: Any = None
        self.pending: list[asyncio.Future[Any]] = []
        self.stop_reason: str | None = None
        self.timeout_s = timeout_s
        self.now_ms = now_ms
        self.step_named = step_named
        self.in_atomic = False
        self.logger = _Logger(tell)
        self.streams = _Streams(self._asked, tell)
        self._ask = ask
        self._tell = tell
        self._look_at = _KEPT

    @property
    def cancelled(self) -> bool:
        return self.stop_reason is not None

    async def finish_pending(self) -> None:
        failure: BaseException | None = None
        while self.pending:
            work, self.pending = self.pending, []
            await asyncio.wait(work)
            for ended in work:
                error = overlooked(ended)
                failure = failure or error
        if failure is not None:
            raise failure

    def watch(self, future: asyncio.Future[Any]) -> None:
        self.pending.append(future)
        if len(self.pending) > self._look_at:
            self.pending = [work for work in self.pending if not work.done() or _has_failed(work)]
            self._look_at = max(_KEPT, 2 * len(self.pending))

    def begin(self, work: Coroutine[Any, Any, T]) -> asyncio.Future[T]:
        future = asyncio.ensure_future(work)
        self.watch(future)
        return future

    def _asked(self, method: str, *arguments: Any) -> asyncio.Future[Any]:
        future = self._ask(method, arguments)
        self.watch(future)
        return future

    # Messages ---------------------------------------------------------------------------------------

    def enqueue(self, requests: Sequence[EnqueueRequest]) -> asyncio.Future[list[str]]:
        return self._asked("enqueue", [_sendable(request) for request in requests])

    def enqueue_one(self, request: EnqueueRequest) -> asyncio.Future[str]:
        return self._asked("enqueue_one", _sendable(request))

    def enqueue_many(self, requests: Sequence[EnqueueRequest]) -> asyncio.Future[str]:
        return self._asked("enqueue_many", [_sendable(request) for request in requests])

    def bulk(self, bulk: bytes) -> asyncio.Future[Any]:
        return self._asked("bulk", bulk)

    def cancel_bulk(self, bulk: bytes) -> asyncio.Future[int]:
        return self._asked("cancel_bulk", bulk)

    def messages(self, id_: MessageId) -> asyncio.Future[Any]:
        return self._asked("messages", id_)

    def cancel_messages(self, id_: MessageId) -> asyncio.Future[int]:
        return self._asked("cancel_messages", id_)

    def cancel_trace(self, trace_id: str) -> asyncio.Future[int]:
        return self._asked("cancel_trace", trace_id)

    def call(self, step: str, data: Any) -> asyncio.Future[Any]:
        return self._asked("call", step, _copied(data))

    def signal(self, run_id: str, name: str, data: Any) -> asyncio.Future[None]:
        return self._asked("signal", run_id, name, _copied(data))

    def runs(self, id_: MessageId) -> asyncio.Future[Any]:
        return self._asked("runs", id_)

    def journal(self, run: RunId) -> asyncio.Future[Any]:
        return self._asked("journal", run)

    def tell_part(self, part: Part) -> None:
        error = part.error
        if error is not None and not isinstance(error, MotiaError):
            error = HandlerError(str(error), type_name=type(error).__name__)
        self._tell("tell_part", [dataclasses.replace(part, error=error)])

    async def sleep(self, delay_s: float) -> None:
        await asyncio.sleep(delay_s)

    def durable(self) -> Any:
        raise WorkflowError(
            "a durable call: expected a handler that runs in the node, got one with execution='process'",
            code="process.not_durable",
            hint="keep the workflow in the node, and let its `ctx.call` reach the step that computes",
        )

    # State ------------------------------------------------------------------------------------------

    def state_get(self, scope: str, key: str) -> asyncio.Future[Any]:
        return self._asked("state_get", scope, key)

    def state_entries(self, scope: str) -> asyncio.Future[Any]:
        return self._asked("state_entries", scope)

    def state_scopes(self) -> asyncio.Future[list[str]]:
        return self._asked("state_scopes")

    def state_write(self, write: StateWrite) -> asyncio.Future[Any]:
        return self._asked("state_write", dataclasses.replace(write, value=_copied(write.value)))

    # Atomic -----------------------------------------------------------------------------------------

    def begin_atomic(self, *, settle: bool) -> None:
        if self.in_atomic:
            raise HandlerError(
                "ctx.atomic(): expected one block at a time, got a second inside the first",
                code="atomic.nested",
                hint="leave the first block before you begin another",
                retryable=False,
            )
        self.in_atomic = True
        self._tell("begin_atomic", [settle])

    def commit_atomic(self) -> asyncio.Future[None]:
        self.in_atomic = False
        return self._asked("commit_atomic")

    def abandon_atomic(self) -> None:
        self.in_atomic = False
        self._tell("abandon_atomic", [])


class _Streams:
    def __init__(self, ask: Callable[..., asyncio.Future[Any]], tell: Callable[..., None]) -> None:
        self._ask = ask
        self._tell = tell

    def get(self, stream: str, group: str, id: str) -> asyncio.Future[Any]:
        return self._ask("streams.get", stream, group, id)

    def group(self, stream: str, group: str) -> asyncio.Future[Any]:
        return self._ask("streams.group", stream, group)

    def groups(self, stream: str) -> asyncio.Future[list[str]]:
        return self._ask("streams.groups", stream)

    def write(self, write: StreamWrite) -> asyncio.Future[Any]:
        return self._ask("streams.write", dataclasses.replace(write, data=_copied(write.data)))

    def tell_delta(self, stream: str, group: str, id: str, path: str, offset: int, text: str) -> None:
        self._tell("streams.tell_delta", [stream, group, id, path, offset, text])


class _Logger:
    """Lines of the step, recorded by the node."""

    def __init__(self, tell: Callable[[str, Sequence[Any]], None]) -> None:
        self._tell = tell

    def __getattr__(self, name: str) -> Any:
        level = {"warn": "warning", "exception": "error"}.get(name, name)
        if level not in _LEVELS:
            raise AttributeError(f"logger: expected one of {', '.join(_LEVELS)}, got {name!r}")

        def write(message: object, data: Any = None, *, exc_info: Any = None, **fields: Any) -> None:
            found: dict[str, Any] = {**data} if isinstance(data, dict) else {}
            if data is not None and not isinstance(data, dict):
                found["data"] = data
            error = _handled(exc_info or name == "exception")
            if error is not None:
                found["error"] = error
            self._tell("log", [level, str(message), _described({**found, **fields})])

        return write


def _handled(exc_info: Any) -> dict[str, Any] | None:
    """What is told of an exception: `True` is the one being handled; else itself, or as `logging` has it."""
    error = (
        sys.exc_info()[1] if exc_info is True else exc_info[1] if isinstance(exc_info, tuple) else exc_info
    )
    if not isinstance(error, BaseException):
        return None
    stack = "".join(traceback.format_exception(error))
    return {"type": type(error).__qualname__, "message": str(error), "stack": stack}


def _described(fields: dict[str, Any]) -> dict[str, Any]:
    """What can be sent of a line's fields; a line never fails."""
    described = {}
    for name, value in fields.items():
        try:
            described[str(name)] = _copied(value)
        except Exception:  # whatever a user's value does when it is written
            described[str(name)] = repr(value)[:1000]
    return described


def _copied(value: Any) -> Any:
    """The value as plain JSON. Failure: `EncodingError` naming the path of what JSON cannot carry."""
    return None if value is None else encoding.decode(encoding.encode(value))


def _sendable(request: EnqueueRequest) -> EnqueueRequest:
    return dataclasses.replace(request, data=_copied(request.data))


def _has_failed(future: asyncio.Future[Any]) -> bool:
    return not future.cancelled() and future._log_traceback
