"""The runtime of Python steps: inside the node, `async def` on its loop, `def` in threads."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import CoroutineType, ModuleType
from typing import Any, cast

from motia.authoring.auth import known
from motia.authoring.context import Context, current
from motia.authoring.payload import ChangePayload, payload_of
from motia.authoring.request import Request
from motia.authoring.results import Cancel, Retry, Snooze
from motia.core import occurrence as core
from motia.core.calls import Calls
from motia.core.invocation import (
    Cancelled,
    Failed,
    Invocation,
    Outcome,
    Released,
    RetryLater,
    Succeeded,
    Suspended,
    TimedOut,
)
from motia.core.registry import Registry
from motia.core.stack import own_stack
from motia.core.step import Step
from motia.core.trigger import FunctionId, HttpTrigger, process_of
from motia.core.workflow import Compensating, Suspend, suspension
from motia.errors import AccessError, BackendError, DefinitionError, InputError
from motia.runtimes.protocol import CONTEXT, Loaded
from motia.runtimes.python.app_file import app_file_problem, stream_auth_of
from motia.runtimes.python.binding import BoundHandler, bind_handler
from motia.runtimes.python.dependencies import is_async
from motia.runtimes.python.failures import import_problem
from motia.runtimes.python.loader import Loader
from motia.runtimes.python.raising import failed_by, handler_error
from motia.runtimes.python.responding import respond, writes_response
from motia.runtimes.python.retrying import with_retry
from motia.runtimes.python.threads import NoThreadError, Threads

_NO_THREAD_S = 1.0
"""How soon what found no thread is tried again, by a process that has one."""


@dataclass(slots=True)
class _Entry:
    """One step bound to one of its triggers (None = by hand)."""

    bound: BoundHandler
    condition: Callable[..., Any] | None = None
    auth: Callable[..., Any] | None = None
    middleware: Sequence[Callable[..., Any]] = field(default=())
    retry: Callable[..., Any] | None = None
    writes: bool = False
    """It may write its response piece by piece."""
    plain: bool = False
    """An async handler without condition, auth and middleware: nearly every one."""
    elsewhere: bool = False
    """It runs in a process of its own."""


class PythonRuntime:
    """Loads Python step files and runs their functions; `elsewhere` runs those of `execution="process"`.

    `compose` wraps middleware around a handler; the HTTP feature gives it, so that this package need not
    know that one.
    """

    language = "python"

    def __init__(
        self,
        *,
        threads: int,
        cancel_grace_s: float,
        compose: Callable[[Sequence[Any], Callable[[Any, Any], Any]], Callable[[Any, Any], Any]],
        elsewhere: Callable[[Invocation, Calls], Awaitable[Outcome]] | None = None,
    ) -> None:
        self._loader = Loader()
        self._threads = Threads(threads)
        self._cancel_grace_s = cancel_grace_s
        self._compose = compose
        self._elsewhere = elsewhere
        self._entries: dict[tuple[str, int | None], _Entry] = {}
        self._project_dir = ""

    async def load(self, project_dir: Path, files: Sequence[Path]) -> Loaded:
        self._project_dir = str(project_dir)
        return self._loader.load(project_dir, files)

    def load_lifespan(self, app_file: Path) -> Callable[..., Any] | None:
        """`lifespan` of the project's `app.py`; None where it defines none.

        Failure: `DefinitionError` where the file cannot be loaded.
        """
        try:
            module = self._root_module(app_file)
        except (Exception, SystemExit) as error:
            raise import_problem(error, app_file.name, app_file.parent) from error
        found: Callable[..., Any] | None = getattr(module, "lifespan", None)
        return found

    def _root_module(self, file: Path) -> ModuleType:
        # A project of steps in other languages alone may still have an `app.py`.
        self._project_dir = self._project_dir or str(file.parent)
        return self._loader.load_module(file)

    def lifespan_problem(self, error: Exception, app_file: Path) -> DefinitionError:
        """The error for what `lifespan` raised before its `yield`, with the author's own lines."""
        return app_file_problem(error, app_file, own_stack(error, self._project_dir))

    def load_stream_auth(self, file: Path) -> FunctionId | None:
        """The function of `app.py` or `motia.config.py` that says who a stream's client is; None without.

        Failure: what the file raises; `DefinitionError` where the name holds no function.
        """
        found = stream_auth_of(self._root_module(file), file)
        if found is None:
            return None
        name, function = found
        handle = f"{file.name}:{name}"
        self._loader.functions[handle] = function
        return handle

    def prepare(self, registry: Registry) -> list[DefinitionError]:
        """Bind every Python step of the registry; gives what is wrong with those that cannot run."""
        problems: list[DefinitionError] = []
        for step in registry.steps.values():
            if step.source.language != self.language or step.handler is None:
                continue
            try:
                self._prepare_step(step)
            except DefinitionError as error:
                error.step = step.name
                own = error.path.startswith(self._project_dir + "/")
                # A function of a library: what its author has to change is the step that names it.
                error.path, error.line = (
                    (error.path.removeprefix(self._project_dir + "/"), error.line)
                    if own
                    else (step.source.path, step.source.line)
                )
                problems.append(error)
        return problems

    def _prepare_step(self, step: Step) -> None:
        assert step.handler is not None
        functions = self._loader.functions
        handler = functions[step.handler]
        self._entries[step.name, None] = _Entry(bind_handler(handler, None, dialect=step.dialect))
        for index, trigger in enumerate(step.triggers):
            bound = bind_handler(handler, trigger, dialect=step.dialect)
            entry = _Entry(bound)
            if trigger.condition is not None:
                entry.condition = functions[trigger.condition]
            if not isinstance(trigger, HttpTrigger):
                entry.elsewhere = process_of(step.triggers, index) is not None
                retry = trigger.policy.retry_function
                entry.retry = None if retry is None else functions[retry]
            if isinstance(trigger, HttpTrigger):
                entry.auth = None if trigger.auth is None else functions[trigger.auth]
                entry.middleware = [functions[name] for name in trigger.middleware]
                entry.writes = bound.prepare is None and writes_response(bound.function)
            special = entry.condition or entry.auth or entry.middleware or bound.prepare or entry.writes
            entry.plain = bound.is_async and not special
            self._entries[step.name, index] = entry
        self._entries[step.name, None].elsewhere = process_of(step.triggers, None) is not None

    async def invoke(self, invocation: Invocation, calls: Calls) -> Outcome:
        """Run a handler to its end, and wait for what it began. Never raises for what its code does."""
        entry = self._entries[invocation.step.name, invocation.trigger_index]
        if entry.elsewhere and self._elsewhere is not None:
            return await self._elsewhere(invocation, calls)
        context = Context(calls)
        token = current.set(context)
        try:
            if entry.auth is not None:
                # Who may not call learns nothing of what the input should be.
                request = Request(cast(core.Request, invocation.occurrence))
                calls.user = known(await _awaited(entry.auth(request, context)))
            input_ = context.input_value = entry.bound.input_of(invocation.occurrence)
            if entry.plain:
                value = entry.bound.call(input_, context)
                if type(value) is CoroutineType or not hasattr(value, "__aiter__"):
                    value = await value
            else:
                value = await self._invoke_fully(entry, input_, context, calls)
                if value is _SKIPPED:
                    return Cancelled("condition not met")
            if calls.pending:
                await calls.finish_pending()
            told = _OUTCOME_OF.get(type(value))
            return Succeeded(value) if told is None else told(value)
        except (AccessError, BackendError, InputError) as error:
            return failed_by(error, self._project_dir)
        except asyncio.CancelledError as error:
            if calls.stop_reason is not None:
                return _stopped(calls)
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            # Nobody cancels this execution: something that the handler waited for was cancelled.
            return failed_by(error, self._project_dir)
        except NoThreadError as refused:
            # The process is worn and about to be replaced.
            return RetryLater(_NO_THREAD_S, str(refused), counts=False)
        except Suspend as suspend:
            return Suspended(suspend.due_at_ms, suspend.waits)
        except Compensating:
            return Cancelled("the run is being undone")
        except GeneratorExit:
            raise
        except BaseException as error:
            if (waits := suspension(error)) is not None:
                return Suspended(waits.due_at_ms, waits.waits)
            if isinstance(error, BaseExceptionGroup) and error.subgroup(Compensating) is not None:
                return Cancelled("the run is being undone")
            # Of those that are no `Exception`, `sys.exit()` is the usual one: it must not end the node.
            failed = failed_by(error, self._project_dir)
            return failed if invocation.claim is None else await self.with_retry(invocation, failed, error)
        finally:
            if context.printed is not None:
                context.flush_output()
            current.reset(token)

    async def with_retry(self, invocation: Invocation, failed: Failed, error: BaseException) -> Failed:
        """The outcome, with the wait that the trigger's retry function or the error itself asks for."""
        entry = self._entries[invocation.step.name, invocation.trigger_index]
        return await with_retry(
            failed,
            error,
            decide=entry.retry,
            attempt=invocation.attempt,
            stack_of=lambda raised: own_stack(raised, self._project_dir),
        )

    async def call(self, function: FunctionId, arguments: Sequence[Any], calls: Calls) -> Any:
        target = self._loader.functions[function]
        context = Context(calls)
        given = [
            context if one is CONTEXT else payload_of(one, ChangePayload)
            for one in arguments[: _positional_count(target)]
        ]
        token = current.set(context)
        try:
            if is_async(target):
                return await target(*given)
            return await self._in_thread(lambda: target(*given), calls)
        except (GeneratorExit, Exception):
            raise
        except BaseException as error:
            task = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
                raise
            # `sys.exit()`, or something that it waited for was cancelled: neither may go further than this.
            raise handler_error(error, self._project_dir) from error
        finally:
            if context.printed is not None:
                context.flush_output()
            current.reset(token)

    async def _invoke_fully(self, entry: _Entry, input_: Any, context: Context, calls: Calls) -> Any:
        if entry.condition is not None and not await self._holds(entry.condition, input_, context, calls):
            return _SKIPPED
        async with AsyncExitStack() as stack:

            async def run(request: Any, ctx: Any) -> Any:
                if entry.writes:
                    return await respond(request, lambda: self._call(entry.bound, request, ctx, stack, calls))
                return await self._call(entry.bound, request, ctx, stack, calls)

            if entry.middleware:
                return await self._compose(entry.middleware, run)(input_, context)
            return await run(input_, context)

    async def _call(
        self, bound: BoundHandler, input_: Any, context: Any, stack: AsyncExitStack, calls: Calls
    ) -> Any:
        if bound.prepare is not None:
            values, keywords = await bound.prepare(input_, context, stack)

            def call() -> Any:
                return bound.function(*values, **keywords)

        else:

            def call() -> Any:
                return bound.call(input_, context)

        if bound.is_async:
            value = call()
            return value if hasattr(value, "__aiter__") else await value
        return await self._in_thread(call, calls)

    async def _in_thread(self, call: Callable[[], Any], calls: Calls) -> Any:
        work = self._threads.run(call)
        try:
            value = await asyncio.shield(work.result)
        except asyncio.CancelledError:
            if work.started:
                # The thread was told through `ctx.cancelled`; it has the grace to end by itself.
                await asyncio.wait([work.result], timeout=self._cancel_grace_s)
            elif calls.stop_reason == "timed_out":
                # It waited for a free thread all the time: that is no fault of the handler.
                calls.stop_reason = "not_started"
            if not work.result.done():
                self._threads.abandon(work)
            elif not work.result.cancelled():
                work.result.exception()
            raise
        # A `def` handler may return the coroutine of an async function it calls.
        return await value if inspect.iscoroutine(value) else value

    async def _holds(
        self, condition: Callable[..., Any], input_: Any, context: Context, calls: Calls
    ) -> bool:
        """Whether a condition, `(input)` or `(input, ctx)`, lets the handler run."""
        takes_context = getattr(getattr(condition, "__code__", None), "co_argcount", 2) > 1

        def ask() -> Any:
            return condition(input_, context) if takes_context else condition(input_)

        return bool(
            await ask() if asyncio.iscoroutinefunction(condition) else await self._in_thread(ask, calls)
        )

    @property
    def unready(self) -> str | None:
        """Loaded code can always run."""
        return None

    @property
    def worn(self) -> str | None:
        """Why the process should be replaced; None while all is well."""
        return self._threads.worn

    def close(self) -> None:
        self._threads.close()
        self._loader.close()


def _positional_count(function: Callable[..., Any]) -> int | None:
    """How many arguments it takes by position; None = any number."""
    kinds = [parameter.kind for parameter in inspect.signature(function).parameters.values()]
    if inspect.Parameter.VAR_POSITIONAL in kinds:
        return None
    by_position = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(kind in by_position for kind in kinds)


class _Skipped:
    pass


_SKIPPED = _Skipped()


async def _awaited(value: Any) -> Any:
    return await value if hasattr(value, "__await__") else value


# What a handler may return to say something else than its result.
_OUTCOME_OF: dict[type, Callable[[Any], Outcome]] = {
    Retry: lambda value: RetryLater(value.delay_s, value.reason),
    Snooze: lambda value: RetryLater(value.delay_s, counts=False),
    Cancel: lambda value: Cancelled(value.reason),
}


def _stopped(calls: Calls) -> Outcome:
    if calls.stop_reason == "cancelled":
        return Cancelled("it was cancelled while it ran", from_outside=True)
    return TimedOut(calls.timeout_s) if calls.stop_reason == "timed_out" else Released()
