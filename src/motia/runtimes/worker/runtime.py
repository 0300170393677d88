"""The runtime of steps in other languages: tells a worker process what to run and serves what it asks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import orjson

from motia.authoring.auth import known
from motia.core.calls import Calls
from motia.core.clock import Clock
from motia.core.invocation import (
    Cancelled,
    Crashed,
    Failed,
    Invocation,
    Outcome,
    Released,
    RetryLater,
    Succeeded,
    TimedOut,
)
from motia.core.registry import Registry
from motia.errors import AccessError, DefinitionError, HandlerError, InputError, MotiaError, WorkerError
from motia.runtimes.protocol import CONTEXT, Definition, Loaded
from motia.runtimes.worker.connection import CallFailed, Connection, ConnectionGone
from motia.runtimes.worker.foreign_error import error_of
from motia.runtimes.worker.greeting import Greeting
from motia.runtimes.worker.kinds import WorkerKind
from motia.runtimes.worker.link import Link
from motia.runtimes.worker.outbox import MessageTooLong
from motia.runtimes.worker.outcome import failure_of, outcome_of, stream_in
from motia.runtimes.worker.plan import Plan, auth_params_text, context_text, make_plan, params_text
from motia.runtimes.worker.retrying import with_retry
from motia.runtimes.worker.values import ValueRefused, wire_text
from motia.runtimes.worker.workflow_calls import not_suspended

_REASONS = ("timed_out", "drained")
_WAIT_S = 5.0
"""How long a call waits for a worker that is being started again."""


class WorkerRuntime:
    """Runs the steps of the languages that one kind of worker serves.

    `sockets()` names the sockets of its processes; it is asked at each `load`. `on_change` is called when a
    process that was started again found other steps than the one before it.
    """

    def __init__(
        self,
        kind: WorkerKind,
        *,
        sockets: Callable[[], Sequence[Path]],
        greeting: Greeting,
        clock: Clock,
        cancel_grace_s: float,
        on_change: Callable[[], None],
        on_log: Callable[[str, dict[str, Any]], None],
    ) -> None:
        self.language = kind.name
        self.languages = kind.languages
        self._check_version = kind.check_version
        self._sockets = sockets
        self._greeting = greeting
        self._clock = clock
        self._cancel_grace_s = cancel_grace_s
        self._on_change = on_change
        self._on_log = on_log
        self._links: list[Link] = []
        self._loaded_links: list[Link] | None = None
        """What `load` made and `prepare` has not taken into service yet."""
        self._plans: dict[tuple[str, int | None], Plan] = {}
        self._retired: list[Link] = []
        self._found = b""
        self._unavailable: str | None = None

    # Loading ----------------------------------------------------------------------------------------

    async def load(self, project_dir: Path, files: Sequence[Path]) -> Loaded:
        """Read the files in every process. What served until now goes on until `prepare`."""
        relative = _relative(project_dir, files)
        links = [
            Link(
                path,
                self._greeting,
                self._clock,
                check_version=self._check_version,
                on_loaded=self._loaded_again,
                on_log=self._log,
            )
            for path in self._sockets()
        ]
        results = await asyncio.gather(*(link.open(relative) for link in links), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                for link in links:
                    link.close()
                if not isinstance(result, WorkerError):
                    raise result
                self._unavailable = str(result)
                return Loaded(problems=[_unavailable(path, result) for path in relative])
        self._unavailable = None
        self._loaded_links = links
        self._found = orjson.dumps(results[0])
        return _loaded_of(results[0])

    def prepare(self, registry: Registry) -> list[MotiaError]:
        """Take what was loaded last into service; gives what cannot run."""
        if self._loaded_links is not None:
            old, self._links, self._loaded_links = self._links, self._loaded_links, None
            self._retired = [link for link in self._retired if link.connection is not None]
            for link in old:
                link.retire()
                self._retired.append(link)
        problems: list[MotiaError] = []
        plans: dict[tuple[str, int | None], Plan] = {}
        for step in registry.steps.values():
            if step.source.language not in self.languages or step.handler is None:
                continue
            try:
                plans[step.name, None] = make_plan(step, None)
                for index in range(len(step.triggers)):
                    plans[step.name, index] = make_plan(step, index)
            except MotiaError as error:
                problems.append(error)
        self._plans = plans
        return problems

    def release(self) -> None:
        """Leave the workers: the project has no file for them any more."""
        self._loaded_links, self._unavailable = [], None

    def _loaded_again(self, result: Any) -> None:
        found = orjson.dumps(result)
        if found != self._found:
            self._on_change()

    def _log(self, params: dict[str, Any]) -> None:
        self._on_log(self.language, params)

    @property
    def unready(self) -> str | None:
        """Why some of its steps cannot run now; None while all can."""
        if self._unavailable is not None:
            return f"{self.language}: {self._unavailable}"
        return next((f"{self.language}: {link.trouble}" for link in self._links if link.trouble), None)

    # Running ----------------------------------------------------------------------------------------

    async def invoke(self, invocation: Invocation, calls: Calls) -> Outcome:
        """Run a handler in a worker. Never raises for what its code does."""
        plan = self._plans.get((invocation.step.name, invocation.trigger_index))
        if plan is None:
            return Failed(
                WorkerError(f"no {self.language} step of that name is loaded", code="worker.unavailable")
            )
        try:
            link = self._pick()
            connection = link.connection if link is not None else None
            if link is None or connection is None:
                link, connection = await self._await_link()
            if connection.congested:
                await connection.writable()
            deadline_ms = self._clock.now_ms() + round(calls.timeout_s * 1000)
            text = params_text(plan, invocation, deadline_ms=deadline_ms, doubles=link.doubles)
            number, future = connection.call(b"invoke", text)
        except asyncio.CancelledError:
            if calls.stop_reason is None:
                raise
            if calls.stop_reason == "timed_out":
                calls.stop_reason = "not_started"
            return _stopped(calls)
        except InputError as error:
            return await self._refused(plan, invocation, calls, error)
        except ValueRefused as error:
            return Failed(error, retryable=False)
        except MessageTooLong as error:
            return Failed(_too_long(error), retryable=False)
        except (WorkerError, ConnectionGone) as error:
            return self._without_worker(invocation, error)
        outcome = await self._outcome(link, connection, number, future, invocation, calls)
        if plan.retry is not None and type(outcome) is Failed:
            return await with_retry(
                outcome,
                invocation.attempt,
                lambda arguments: self.call(cast(str, plan.retry), arguments, calls),
            )
        return outcome

    async def _outcome(
        self,
        link: Link,
        connection: Connection,
        number: int,
        future: asyncio.Future[Any],
        invocation: Invocation,
        calls: Calls,
    ) -> Outcome:
        link.running[number] = calls
        streaming = False
        try:
            result = await future
            if type(result) is dict and result.get("outcome") == "suspended":
                workflow = link.workflows.get(number)
                return not_suspended() if workflow is None else workflow.outcome()
            outcome = outcome_of(result, invocation)
            if calls.pending and not all(work.done() for work in calls.pending):
                await calls.finish_pending()
            stream = stream_in(outcome.value) if isinstance(outcome, Succeeded) else None
            if stream is not None and not stream.ended:
                # The generator may still use its context: the invocation ends with it.
                streaming = True
                stream.on_done = lambda: link.done(number)
            return outcome
        except CallFailed as error:
            failed = failure_of(error.error)
            workflow = link.workflows.get(number)
            return failed if workflow is None else workflow.detailed(failed)
        except ConnectionGone as gone:
            return self._gone(link, invocation, gone)
        except asyncio.CancelledError:
            if connection.is_open:
                reason = calls.stop_reason if calls.stop_reason in _REASONS else "cancelled"
                connection.note("cancel", {"id": number, "reason": reason})
            if (workflow := link.workflows.get(number)) is not None:
                workflow.end()  # what the handler waits for there does not keep it from stopping
            if calls.stop_reason is None:
                raise
            await self._let_end(connection.ask_again(number))
            return _stopped(calls)
        except MotiaError as error:
            return Failed(error)  # of a call that nobody awaited
        finally:
            workflow = link.workflows.get(number)
            if workflow is not None and workflow.can_undo:
                link.done_but_undo(number, workflow)
            elif not streaming:
                link.done(number)

    async def _let_end(self, future: asyncio.Future[Any]) -> None:
        future.add_done_callback(lambda done: done.cancelled() or done.exception())  # it counts for nothing
        await asyncio.wait([future], timeout=self._cancel_grace_s)

    def _gone(self, link: Link, invocation: Invocation, gone: ConnectionGone) -> Outcome:
        if link.retired:
            return Released()
        error = WorkerError(
            f"the {self.language} worker died while it ran {invocation.step.name}: {gone}",
            code="worker.crashed",
            hint="look at what the worker printed last; a native module or `process.exit` may have ended it",
        )
        error.__cause__ = gone
        return Crashed(error)

    def _without_worker(self, invocation: Invocation, error: Exception) -> Outcome:
        if invocation.claim is not None:
            # No fault of the message: it is given back uncharged, and looked at again soon.
            return RetryLater(1.0, str(error), counts=False)
        return Failed(WorkerError(str(error), code="worker.unavailable"))

    async def _refused(self, plan: Plan, invocation: Invocation, calls: Calls, error: InputError) -> Outcome:
        """Who may not call learns nothing of what the input should be."""
        if plan.auth is not None:
            link, connection = await self._await_link()
            deadline_ms = self._clock.now_ms() + round(calls.timeout_s * 1000)
            text = auth_params_text(plan, invocation, deadline_ms=deadline_ms, doubles=link.doubles)
            try:
                number, future = connection.call(b"call", text)
                outcome = await self._outcome(link, connection, number, future, invocation, calls)
            except (ConnectionGone, MessageTooLong) as gone:
                return Failed(WorkerError(str(gone), code="worker.unavailable"))
            if not isinstance(outcome, Succeeded):
                return outcome
            try:
                known(outcome.value)
            except AccessError as refusal:
                return Failed(refusal, retryable=False)
        return Failed(error, retryable=False)

    async def call(self, function: str, arguments: Sequence[Any], calls: Calls) -> Any:
        """What a function gives: `canAccess`, `onJoin`, a key or retry function.

        Failure: `HandlerError` for what it raised, `WorkerError` without a worker.
        """
        number: int | None = None
        link, connection = await self._await_link()
        try:
            given = [item for item in arguments if item is not CONTEXT]
            texts = b",".join(wire_text(item, doubles=link.doubles) for item in given)
            params = b'"function":%b,"arguments":[%b]' % (orjson.dumps(function), texts)
            if CONTEXT in arguments:
                deadline_ms = self._clock.now_ms() + round(calls.timeout_s * 1000)
                invocation = calls.invocation
                context = context_text(make_plan(invocation.step, None), invocation, deadline_ms=deadline_ms)
                params += b',"context":%b,"context_at":%d' % (context, arguments.index(CONTEXT))
            number, future = connection.call(b"call", b"{%b}" % params)
            link.running[number] = calls
            result = await future
        except asyncio.CancelledError:
            if number is not None and connection.is_open:
                connection.note("cancel", {"id": number, "reason": "cancelled"})
            raise
        except CallFailed as error:
            raise error_of(error.error) from error
        except ConnectionGone as gone:
            raise WorkerError(f"the {self.language} worker died: {gone}", code="worker.crashed") from gone
        finally:
            if number is not None:
                link.done(number)
        return result.get("value") if type(result) is dict else None

    def _pick(self) -> Link | None:
        """The process with the least to do."""
        links = self._links
        if len(links) == 1:
            return links[0]
        open_ = [link for link in links if link.connection is not None]
        return min(open_, key=lambda link: len(link.running), default=None)

    async def _await_link(self) -> tuple[Link, Connection]:
        if not self._links:
            raise WorkerError(self.unready or f"no {self.language} worker", code="worker.unavailable")
        waits = [asyncio.ensure_future(link.ready.wait()) for link in self._links]
        try:
            await asyncio.wait(waits, timeout=_WAIT_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        for link in self._links:
            if link.connection is not None:
                return link, link.connection
        raise WorkerError(self.unready or f"no {self.language} worker", code="worker.unavailable")

    @property
    def worn(self) -> str | None:
        """A worker is started again by its owner; the node need not be replaced."""
        return None

    def close(self) -> None:
        for link in (*self._links, *(self._loaded_links or ()), *self._retired):
            link.close()


def _relative(project_dir: Path, files: Sequence[Path]) -> list[str]:
    root = project_dir.resolve()
    return [path.relative_to(root).as_posix() for path in files]


def _loaded_of(result: Any) -> Loaded:
    loaded = Loaded()
    for file in result["files"]:
        path = file["path"]
        for found in file["definitions"]:
            loaded.definitions.append(
                Definition(
                    kind=found["kind"],
                    path=path,
                    line=found["line"],
                    language=found["language"],
                    config=found["config"],
                    handler=found.get("handler"),
                    handler_line=found.get("handler_line"),
                )
            )
        loaded.problems += [_problem(path, found) for found in file["problems"]]
    return loaded


def _problem(path: str, found: dict[str, Any]) -> DefinitionError:
    type_name = f"{found['type']}: " if found.get("type") else ""
    return DefinitionError(
        f"{type_name}{found['message']}",
        code=found.get("code") or "step.import_failed",
        path=path,
        line=found.get("line") or 1,
        details={"stack": found.get("stack", "")},
        hint=found.get("hint") or None,
    )


def _unavailable(path: str, error: WorkerError) -> DefinitionError:
    return DefinitionError(error.message, code=error.code, path=path, hint=error.hint)


def _too_long(error: MessageTooLong) -> HandlerError:
    return HandlerError(
        f"input: expected at most {error.limit_bytes} bytes for another language, got {error.size_bytes}",
        code="input.too_large",
        hint="raise workers.message_bytes, or pass a reference",
        retryable=False,
    )


def _stopped(calls: Calls) -> Outcome:
    if calls.stop_reason == "cancelled":
        return Cancelled("it was cancelled while it ran", from_outside=True)
    return TimedOut(calls.timeout_s) if calls.stop_reason == "timed_out" else Released()
