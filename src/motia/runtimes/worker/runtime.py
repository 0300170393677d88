"""The runtime of steps in other languages: tells a worker process what to run, and takes its outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

from motia.authoring.auth import known
from motia.core.calls import Calls
from motia.core.clock import Clock
from motia.core.invocation import Failed, Invocation, Outcome, RetryLater, Succeeded
from motia.core.registry import Registry
from motia.errors import AccessError, HandlerError, InputError, MotiaError, WorkerError
from motia.runtimes.protocol import Loaded
from motia.runtimes.worker.connection import ConnectionGone
from motia.runtimes.worker.execution import finish, stopped
from motia.runtimes.worker.function_call import call_function
from motia.runtimes.worker.greeting import Greeting
from motia.runtimes.worker.kinds import WorkerKind
from motia.runtimes.worker.link import Link
from motia.runtimes.worker.loaded import loaded_of, without_worker
from motia.runtimes.worker.outbox import MessageTooLong
from motia.runtimes.worker.plan import Plan, auth_params_text, make_plan, params_text
from motia.runtimes.worker.pool import Pool
from motia.runtimes.worker.retrying import with_retry
from motia.runtimes.worker.values import ValueRefused


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
        self._clock = clock
        self._cancel_grace_s = cancel_grace_s
        self._plans: dict[tuple[str, int | None], Plan] = {}

        def dial(on_loaded: Callable[[Any], None]) -> list[Link]:
            return [
                Link(
                    path,
                    greeting,
                    clock,
                    check_version=kind.check_version,
                    on_loaded=on_loaded,
                    on_log=lambda params: on_log(kind.name, params),
                )
                for path in sockets()
            ]

        self._pool = Pool(kind.name, dial=dial, on_change=on_change)

    # Loading ----------------------------------------------------------------------------------------

    async def load(self, project_dir: Path, files: Sequence[Path]) -> Loaded:
        """Read the files in every process. What served until now goes on until `prepare`."""
        relative = _relative(project_dir, files)
        try:
            return loaded_of(await self._pool.load(relative))
        except WorkerError as error:
            return without_worker(relative, error)

    def prepare(self, registry: Registry) -> list[MotiaError]:
        """Take what was loaded last into service; gives what cannot run."""
        self._pool.serve()
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
        self._pool.release()

    @property
    def unready(self) -> str | None:
        """Why some of its steps cannot run now; None while all can."""
        return self._pool.unready

    # Running ----------------------------------------------------------------------------------------

    async def invoke(self, invocation: Invocation, calls: Calls) -> Outcome:
        """Run a handler in a worker. Never raises for what its code does."""
        plan = self._plans.get((invocation.step.name, invocation.trigger_index))
        if plan is None:
            return Failed(
                WorkerError(f"no {self.language} step of that name is loaded", code="worker.unavailable")
            )
        try:
            link = self._pool.idlest()
            connection = link.connection if link is not None else None
            if link is None or connection is None:
                link, connection = await self._pool.await_link()
            if connection.congested:
                await connection.writable()
            text = params_text(plan, invocation, deadline_ms=self._deadline_ms(calls), doubles=link.doubles)
            number, future = connection.call(b"invoke", text)
        except asyncio.CancelledError:
            if calls.stop_reason is None:
                raise
            if calls.stop_reason == "timed_out":
                calls.stop_reason = "not_started"
            return stopped(calls)
        except InputError as error:
            return await self._refused(plan, invocation, calls, error)
        except ValueRefused as error:
            return Failed(_unsafe(invocation, error), retryable=False)
        except MessageTooLong as error:
            return Failed(_too_long(error), retryable=False)
        except (WorkerError, ConnectionGone) as error:
            return _without_worker(invocation, error)
        outcome = await finish(
            link, connection, number, future, invocation, calls, cancel_grace_s=self._cancel_grace_s
        )
        if plan.retry is not None and type(outcome) is Failed:
            return await with_retry(
                outcome,
                invocation.attempt,
                lambda arguments: self.call(cast(str, plan.retry), arguments, calls),
            )
        return outcome

    async def _refused(self, plan: Plan, invocation: Invocation, calls: Calls, error: InputError) -> Outcome:
        """Who may not call learns nothing of what the input should be."""
        if plan.auth is not None:
            link, connection = await self._pool.await_link()
            deadline_ms = self._deadline_ms(calls)
            text = auth_params_text(plan, invocation, deadline_ms=deadline_ms, doubles=link.doubles)
            try:
                number, future = connection.call(b"call", text)
                grace_s = self._cancel_grace_s
                outcome = await finish(
                    link, connection, number, future, invocation, calls, cancel_grace_s=grace_s
                )
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
        link, connection = await self._pool.await_link()
        deadline_ms = self._deadline_ms(calls)
        return await call_function(link, connection, function, arguments, calls, deadline_ms=deadline_ms)

    def _deadline_ms(self, calls: Calls) -> int:
        return self._clock.now_ms() + round(calls.timeout_s * 1000)

    @property
    def worn(self) -> str | None:
        """A worker is started again by its owner; the node need not be replaced."""
        return None

    def close(self) -> None:
        self._pool.close()


def _relative(project_dir: Path, files: Sequence[Path]) -> list[str]:
    root = project_dir.resolve()
    return [path.relative_to(root).as_posix() for path in files]


def _without_worker(invocation: Invocation, error: Exception) -> Outcome:
    if invocation.claim is not None:
        # No fault of the message: it is given back uncharged, and looked at again soon.
        return RetryLater(1.0, str(error), counts=False)
    return Failed(WorkerError(str(error), code="worker.unavailable"))


def _unsafe(invocation: Invocation, error: ValueRefused) -> MotiaError:
    if invocation.occurrence.kind != "http":
        return error
    # Whoever sent the request can send another number, or a text; the step is not at fault.
    at = [
        {
            "path": error.details["path"].removeprefix("$").removeprefix("."),
            "message": error.message.partition(": ")[2],
        }
    ]
    return InputError(error.message, code=error.code, status=422, details={"errors": at}, hint=error.hint)


def _too_long(error: MessageTooLong) -> HandlerError:
    return HandlerError(
        f"input: expected at most {error.limit_bytes} bytes for another language, got {error.size_bytes}",
        code="input.too_large",
        hint="raise workers.message_bytes, or pass a reference",
        retryable=False,
    )
