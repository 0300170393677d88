"""A node's tie to one worker process: dialled, greeted, told to load, and made again when it breaks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from motia.core.calls import Calls
from motia.core.clock import Clock
from motia.core.invocation import Failed
from motia.errors import InputError, MotiaError, WorkerError
from motia.runtimes.protocol import is_callers_business
from motia.runtimes.worker.connection import CallFailed, Connection, ConnectionGone, error_data
from motia.runtimes.worker.context_calls import ContextCalls, write_log
from motia.runtimes.worker.greeting import PROTOCOL, Greeting
from motia.runtimes.worker.params import BadParams
from motia.runtimes.worker.workflow_calls import WorkerWorkflow, is_durable_call

_DIAL_S = 20.0
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 5.0
_MOST_REFUSALS = 100


class Link:
    """One process, reached through the socket at `path`.

    `check_version` raises `WorkerError` for a version of the language's program that is too old.
    `on_loaded(result)` is called after every `load` but the first. `on_log` gets lines of the worker itself.
    """

    def __init__(
        self,
        path: Path,
        greeting: Greeting,
        clock: Clock,
        *,
        check_version: Callable[[str], None],
        on_loaded: Callable[[Any], None],
        on_log: Callable[[dict[str, Any]], None],
    ) -> None:
        self._path = path
        self._greeting = greeting
        self._clock = clock
        self._check_version = check_version
        self._on_loaded = on_loaded
        self._on_log = on_log
        self._files: Sequence[str] = ()
        self._redialling: asyncio.Task[None] | None = None
        self.connection: Connection | None = None
        """Open, greeted and loaded; None while there is none."""
        self.running: dict[int, Calls] = {}
        """By id of the invocation."""
        self.workflows: dict[int, WorkerWorkflow] = {}
        """By id of the invocation: those that have made a durable call."""
        self._refusals: dict[int, dict[tuple[str, str], InputError]] = {}
        """By id of the invocation, by code and message: what calls of it were refused with."""
        self.doubles = False
        self.knows_workflows = False
        self.concurrency: int | None = None
        self.retired = False
        self.trouble: str | None = "not connected yet"
        self.ready = asyncio.Event()

    async def open(self, files: Sequence[str]) -> Any:
        """Connect and load; what `load` gave. Failure: `WorkerError`, which says why there is no worker."""
        self._files = files
        try:
            return await self._connect()
        except (OSError, TimeoutError, CallFailed, ConnectionGone) as error:
            raise _unavailable(error) from error

    async def _connect(self) -> Any:
        connection = Connection(
            limits=self._greeting.limits, on_call=self._serve, on_note=self._noted, on_end=self._ended
        )
        try:
            async with asyncio.timeout(_DIAL_S):
                await asyncio.get_running_loop().create_unix_connection(lambda: connection, str(self._path))
                found = await connection.ask("initialize", self._greeting.params())
            self._greeted(found)
            async with asyncio.timeout(self._greeting.load_s):
                params = {
                    "project_dir": str(self._greeting.project_dir),
                    "files": list(self._files),
                    "within_s": self._greeting.load_s,
                }
                loaded = await connection.ask("load", params)
        except BaseException:
            connection.close()
            raise
        if not connection.is_open:
            raise ConnectionGone("the worker ended while it loaded")
        self.connection = connection
        self.trouble = None
        self.ready.set()
        return loaded

    def _greeted(self, found: Any) -> None:
        protocol = found.get("protocol") if type(found) is dict else None
        if protocol != PROTOCOL:
            raise ConnectionGone(f"expected a worker of protocol {PROTOCOL}, got {protocol!r}")
        self._check_version(str((found.get("runtime") or {}).get("version")))
        capabilities = found.get("capabilities") or {}
        self.doubles = capabilities.get("integers") == "double"
        self.knows_workflows = capabilities.get("workflow") is True
        self.concurrency = capabilities.get("concurrency")

    def retire(self) -> None:
        """Make no new connection; close this one when what runs has ended."""
        self.retired = True
        if self._redialling is not None:
            self._redialling.cancel()
        self._close_if_idle()

    def done(self, number: int) -> None:
        """An invocation has ended: it asks nothing more. A retired link goes with its last one."""
        self.running.pop(number, None)
        if self._refusals:
            self._refusals.pop(number, None)
        if self.workflows and (workflow := self.workflows.pop(number, None)) is not None:
            workflow.end()
        if self.retired:
            self._close_if_idle()

    def done_but_undo(self, number: int, workflow: WorkerWorkflow) -> None:
        """An invocation has ended that can still be asked to undo what it did, until its run is settled."""
        workflow.end()
        calls = self.running[number]

        def release() -> None:
            workflow.release()
            # Numbers begin anew with each connection.
            if self.running.get(number) is calls:
                self.done(number)

        calls.durable().at_end(release)

    def _close_if_idle(self) -> None:
        if self.retired and not self.running and self.connection is not None:
            self.connection.close()

    def close(self) -> None:
        """End it now."""
        self.retired = True
        if self._redialling is not None:
            self._redialling.cancel()
        if self.connection is not None:
            self.connection.close()

    # What the worker sends ----------------------------------------------------------------------------

    def _serve(self, number: int, method: str, params: dict[str, Any]) -> None:
        connection = self.connection
        if connection is None:
            return
        invocation = params.get("invocation")
        calls = self.running.get(invocation) if type(invocation) is int else None
        if calls is None or invocation is None:
            message = f"{method}: expected a running invocation, got one that has ended"
            hint = "await what the handler begins before it returns"
            connection.refuse(number, -32000, message, {"code": "context.ended", "hint": hint})
            return
        try:
            if method == "context.workflow" or (method == "context.call" and self._is_durable(calls, params)):
                future, write = self._workflow_of(invocation, calls).start(method, params)
            else:
                future, write = ContextCalls(calls, doubles=self.doubles).start(method, params)
        except BadParams as error:
            connection.refuse(number, -32602, str(error))
            return
        except Exception as error:
            self._refuse(connection, number, invocation, error)
            return

        def answer(done: asyncio.Future[Any]) -> None:
            if not connection.is_open:
                if not done.cancelled():
                    done.exception()
                return
            try:
                connection.reply(number, write(done.result()))
            except asyncio.CancelledError:
                connection.refuse(number, -32000, "the call was cancelled", {"code": "context.cancelled"})
            except BadParams as error:
                connection.refuse(number, -32602, str(error))
            except Exception as error:
                self._refuse(connection, number, invocation, error)

        if future.done():
            answer(future)
        else:
            future.add_done_callback(answer)

    def _refuse(self, connection: Connection, number: int, invocation: int, error: Exception) -> None:
        message = error.message if isinstance(error, MotiaError) else str(error)
        if isinstance(error, InputError) and is_callers_business(error) and invocation in self.running:
            known = self._refusals.setdefault(invocation, {})
            if len(known) < _MOST_REFUSALS:
                known[error.code, message] = error
        connection.refuse(number, -32000, message, error_data(error))

    def refusal_in(self, failed: Failed, invocation: int) -> Failed:
        """The failure of a handler; where it is what a call was refused with, the refusal itself, so that the
        caller of a step gets the same answer in every language."""
        known = self._refusals.get(invocation, {})
        refusal = known.get((failed.error.code, failed.error.message))
        if refusal is None:
            return failed
        refusal.stack = getattr(failed.error, "stack", "")  # type: ignore[attr-defined]  # ours alone
        return Failed(refusal, retryable=True)

    def _is_durable(self, calls: Calls, params: dict[str, Any]) -> bool:
        return self.knows_workflows and is_durable_call(calls, params)

    def _workflow_of(self, number: int, calls: Calls) -> WorkerWorkflow:
        workflow = self.workflows.get(number)
        if workflow is None:
            assert self.connection is not None
            workflow = WorkerWorkflow(calls, self.connection, number, doubles=self.doubles)
            self.workflows[number] = workflow
        return workflow

    def _noted(self, method: str, params: dict[str, Any]) -> None:
        if method != "log":
            return
        invocation = params.get("invocation")
        calls = self.running.get(invocation) if type(invocation) is int else None
        if calls is not None:
            write_log(calls, params)
        else:
            self._on_log(params)

    def _ended(self, reason: str) -> None:
        self.ready.clear()
        lost, self.connection = self.connection, None
        self.workflows.clear()
        self._refusals.clear()
        if lost is None or self.retired:
            return
        self.trouble = reason
        self._redialling = asyncio.ensure_future(self._redial())

    async def _redial(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                self._on_loaded(await self._connect())
                return
            except (OSError, TimeoutError, CallFailed, ConnectionGone, WorkerError) as error:
                self.trouble = str(error) or type(error).__name__
            await self._clock.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


def _unavailable(error: BaseException) -> WorkerError:
    if isinstance(error, CallFailed):
        data = error.error.get("data")
        data = data if type(data) is dict else {}
        return WorkerError(
            str(error), code=str(data.get("code", "worker.unavailable")), hint=data.get("hint") or None
        )
    reason = "it took too long" if isinstance(error, TimeoutError) else str(error)
    return WorkerError(f"the worker does not answer: {reason}", code="worker.unavailable")
