"""What a handler sees: `Context`, kept in a context variable while the handler runs.

Every call works awaited and plain. Where a loop runs in the calling thread the work starts at once and
an awaitable comes back; without one (a `def` handler) the call blocks and the value comes back.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future as ThreadFuture
from threading import get_ident
from typing import TYPE_CHECKING, Any, TypeVar, overload

from motia.authoring.atomic import Atomic
from motia.authoring.dates import Utils
from motia.authoring.durations import Duration, optional_seconds, seconds
from motia.authoring.enqueueing import When, at_ms, enqueue_request
from motia.authoring.futures import carry_over
from motia.authoring.messages import Queue
from motia.authoring.state import State
from motia.authoring.trigger_info import TriggerInfo
from motia.authoring.workflow import DurableCalls
from motia.core.calls import Calls, EnqueueRequest
from motia.errors import HandlerError

if TYPE_CHECKING:
    from motia.authoring.streams import Streams
    from motia.tracing.logger import StepLogger

T = TypeVar("T")

current: contextvars.ContextVar[Context] = contextvars.ContextVar("motia_context")


def running_context() -> Context:
    """The context of the handler that is running here.

    Failure: `HandlerError` `context.missing` outside a handler and in threads that did not inherit one.
    """
    context = current.get(None)
    if context is None:
        raise HandlerError(
            "expected to run inside a step's handler, got a call outside of one",
            code="context.missing",
            hint="take `ctx` as a parameter of the handler and pass it on, above all into threads you start",
            retryable=False,
        )
    return context


class Context(DurableCalls):
    """One execution of a step, as its handler sees it."""

    __slots__ = ("_calls", "_thread_id", "_trigger", "input_value", "printed")

    def __init__(self, calls: Calls) -> None:
        """Made in the thread of the engine's loop."""
        self._calls = calls
        # A thread is asked who it is, and not for its loop: until Python 3.12 that is a system call.
        self._thread_id = get_ident()
        self._trigger: TriggerInfo | None = None
        self.printed: dict[str, str] | None = None
        """What was printed without an end of line yet, by level."""
        self.input_value: Any = None
        """The input the handler was given."""

    def __class_getitem__(cls, emitted: Any) -> type[Context]:
        # `FlowContext[...]`, as annotations of Motia 1.x have it, is this class.
        return cls

    # Identity ---------------------------------------------------------------------------------------

    @property
    def trace_id(self) -> str:
        """Id of the trace, the same in every step and retry that one request or tick leads to."""
        return self._calls.invocation.trace.trace_id

    traceId = trace_id

    @property
    def traceparent(self) -> str:
        """The header of W3C Trace Context with which another service continues this trace."""
        trace = self._calls.invocation.trace
        return f"00-{trace.trace_id}-{trace.span_id}-01"

    @property
    def attempt(self) -> int:
        """1 for the first execution of a message, then 2, 3 …"""
        return self._calls.invocation.attempt

    @property
    def step_name(self) -> str:
        """Name of the step."""
        return self._calls.invocation.step.name

    @property
    def flows(self) -> tuple[str, ...]:
        """Flows the step belongs to."""
        return self._calls.invocation.step.flows

    @property
    def user(self) -> Any:
        """What the trigger's `auth` returned; None without one."""
        return self._calls.user

    @property
    def cancelled(self) -> bool:
        """Whether the handler should stop. Long `def` handlers look at it; async ones are interrupted."""
        return self._calls.cancelled

    # Messages ---------------------------------------------------------------------------------------

    @overload
    def enqueue(self, topic: Sequence[Mapping[str, Any]]) -> Awaitable[list[str]]: ...
    @overload
    def enqueue(
        self,
        topic: str | Mapping[str, Any],
        data: Any = ...,
        *,
        group: str | None = ...,
        delay: Duration | None = ...,
        at: When | None = ...,
        priority: int | None = ...,
        dedupe: str | None = ...,
        ttl: Duration | None = ...,
    ) -> Awaitable[str]: ...
    def enqueue(
        self,
        topic: str | Mapping[str, Any] | Sequence[Mapping[str, Any]],
        data: Any = None,
        *,
        group: str | None = None,
        delay: Duration | None = None,
        at: When | None = None,
        priority: int | None = None,
        dedupe: str | None = None,
        ttl: Duration | None = None,
    ) -> Awaitable[Any]:
        """Put a message on a topic; gives its id once it is durable.

        Also takes `{"topic": …, "data": …}` with the same options as keys (`messageGroupId` for `group`),
        or a list of those: one commit, a list of ids. A topic without subscribers stores nothing and warns.
        `delay` and `ttl` are seconds or texts such as `"5m"`, `at` a time. *Order*: messages are stored in
        the order of the calls, with the handler's other writes; of one `group` they run one by one where the
        queue is `fifo`. *Concurrency*: starts at once, awaited or not; calls of the same moment share a
        commit. *Cancellation*: of the handler, the message that is on its way may still be stored.
        *Failure*: `EncodingError` `value.not_json`, `InputError` `message.too_large`, `ConflictError`
        `claim.superseded` once a newer attempt runs; one that nobody awaits fails the attempt.
        """
        if isinstance(topic, str):
            request = EnqueueRequest(
                data,
                topic,
                None,
                group,
                None if delay is None else seconds(delay),
                None if at is None else at_ms(at),
                priority,
                dedupe,
                None if ttl is None else seconds(ttl),
            )
            return self._first(request)
        if isinstance(topic, Mapping):
            return self._first(enqueue_request(topic))
        requests = [enqueue_request(item) for item in topic]
        return self._run(lambda: self._calls.enqueue(requests))

    emit = enqueue

    def enqueue_many(
        self,
        topic: str,
        items: Iterable[Any],
        *,
        group: str | None = None,
        delay: Duration | None = None,
        at: When | None = None,
        priority: int | None = None,
        ttl: Duration | None = None,
    ) -> Awaitable[str]:
        """Put a message for each item on a topic, all in one commit; gives the id of the bulk once that is
        durable.

        `ctx.queue.bulk(id)` says where it stands, `ctx.queue.cancel_bulk(id)` ends what is left. At most
        10,000 messages and 64 MiB: past that, `InputError` `enqueue.too_many`.
        """
        delay_s, due_ms, ttl_s = optional_seconds(delay), at_ms(at), optional_seconds(ttl)
        requests = [
            EnqueueRequest(item, topic, None, group, delay_s, due_ms, priority, None, ttl_s) for item in items
        ]
        return self._run(lambda: self._calls.enqueue_many(requests))

    def trigger_step(
        self, step: str, data: Any = None, *, delay: Duration | None = None, at: When | None = None
    ) -> Awaitable[str]:
        """Put a message for one step, by its id; gives the message's id once it is durable."""
        return self._first(EnqueueRequest(data, None, step, None, optional_seconds(delay), at_ms(at)))

    def call(
        self, step: str, data: Any = None, *, durable: bool | None = None, key: str | None = None
    ) -> Awaitable[Any]:
        """What another step returns, in any language.

        In a handler that a queue drives the call is durable: a message of its own with its own retries, and
        this run waits for it without holding anything. Elsewhere, inside `atomic`, and with `durable=False`
        the step runs now and its failure is seen here. Calls of one step at the same time need a `key`.
        """
        if durable is None:
            claim = self._calls.invocation.claim
            durable = claim is not None and not claim.bundle and not self._calls.in_atomic
        if durable:
            return self._begin(self._workflow.call(step, data, key=key))
        return self._run(lambda: self._calls.call(step, data))

    def signal(self, run_id: str, name: str, data: Any = None) -> Awaitable[None]:
        """Send a signal to a run, which may come to wait for it later."""
        return self._run(lambda: self._calls.signal(run_id, name, data))

    def _first(self, request: EnqueueRequest) -> Awaitable[Any]:
        if get_ident() == self._thread_id:
            return self._calls.enqueue_one(request)
        return self._run(lambda: self._calls.enqueue_one(request))

    # Services ---------------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        """Shared, durable key-value state."""
        # Not kept: the two would hold each other, and only the collector would free what a request leaves.
        return State(self)

    @property
    def queue(self) -> Queue:
        """Messages and bulks by id: `get`, `cancel`, `cancel_trace`, `bulk`, `cancel_bulk`."""
        return Queue(self._calls, self._run)

    @property
    def logger(self) -> StepLogger:
        """Structured logs, tied to the trace: `debug info warn error exception (message, data, **fields)`."""
        logger: StepLogger = self._calls.logger
        return logger

    @property
    def streams(self) -> Streams:
        """Realtime streams, by name: `ctx.streams.chat.set(group, id, item)`."""
        from motia.authoring.streams import Streams

        return Streams(self)

    @property
    def utils(self) -> Utils:
        """Small helpers: `utils.dates.now()`, `utils.dates.iso()`."""
        return Utils()

    def atomic(self, *, settle: bool = False) -> Atomic:
        """Make the writes inside a `with` or `async with` block one commit: all of them, or none.

        Reads inside see them, and a key that was read and then changed by somebody else fails the commit
        with `ConflictError` `state.version_conflict`. `settle=True` also completes the message with them.
        Inside, `state.update` gives None: what it left is known only after the block.
        """
        return Atomic(self, settle)

    # Triggers ---------------------------------------------------------------------------------------

    @property
    def trigger(self) -> TriggerInfo:
        """Which trigger fired: `type`, `index`, `topic`, `path`, `method`, `expression`."""
        if self._trigger is None:
            self._trigger = TriggerInfo(self._calls)
        return self._trigger

    def is_http(self) -> bool:
        """Whether a request runs the handler now."""
        return self.trigger.type == "http"

    is_api = is_http

    def is_queue(self) -> bool:
        """Whether a message runs the handler now."""
        return self.trigger.type == "queue"

    def is_cron(self) -> bool:
        """Whether a tick runs the handler now."""
        return self.trigger.type == "cron"

    def is_state(self) -> bool:
        """Whether a change of state runs the handler now."""
        return self.trigger.type == "state"

    def is_stream(self) -> bool:
        """Whether a change of a stream runs the handler now."""
        return self.trigger.type == "stream"

    def get_data(self) -> Any:
        """The body of a request, else the input; None for a tick."""
        if self.trigger.type == "http":
            return self.input_value.body
        return None if self.trigger.type == "cron" else self.input_value

    getData = get_data

    def match(self, branches: Mapping[str, Callable[..., Any]]) -> Awaitable[Any]:
        """Run the branch of the trigger that fired: `http` (or `api`), `queue` (or `event`), `cron`,
        `state`, `stream`, `default`. Each takes the input, or nothing; sync or async."""
        kind = self.trigger.type
        names = {"http": ("http", "api"), "queue": ("queue", "event")}.get(kind, (kind,))
        branch = next((branches[name] for name in names if name in branches), branches.get("default"))
        if branch is None:
            raise HandlerError(
                f"ctx.match: expected a branch for {kind!r}, got {', '.join(branches) or 'none'}",
                code="match.no_branch",
                hint=f'add "{kind}" or "default"',
                retryable=False,
            )
        takes_input = branch.__code__.co_argcount > 0 if hasattr(branch, "__code__") else True
        given = (self.input_value,) if takes_input else ()
        if not _has_loop():
            # In a `def` handler: calls of the context inside a `def` branch give values here, too.
            value: Any = branch(*given)
            return value  # type: ignore[no-any-return]  # a plain value for `def` handlers, by design
        return _called(branch, given)

    # Output -----------------------------------------------------------------------------------------

    def write_output(self, level: str, text: str) -> None:
        """Log what the handler printed, line by line; what has no end yet waits for it."""
        waiting = self.printed or {}
        *lines, rest = (waiting.pop(level, "") + text).split("\n")
        for line in lines:
            getattr(self.logger, level)(line)
        if rest:
            waiting[level] = rest
        self.printed = waiting or None

    def flush_output(self) -> None:
        """Log what was printed without an end of line."""
        waiting, self.printed = self.printed, None
        for level, text in (waiting or {}).items():
            getattr(self.logger, level)(text)

    # Old spellings ----------------------------------------------------------------------------------

    def __getitem__(self, name: str) -> Any:
        try:
            return getattr(self, name)
        except AttributeError:
            raise KeyError(name) from None

    def get(self, name: str, default: Any = None) -> Any:
        """The member of that name, for code that treats the context as a dict."""
        return getattr(self, name, default)

    # Crossing to the loop ---------------------------------------------------------------------------

    def _run(self, start: Callable[[], asyncio.Future[T]]) -> Awaitable[Any]:
        """An awaitable where a loop runs in this thread; otherwise block, and return the value itself."""
        if get_ident() == self._thread_id:
            return start()
        crossing: ThreadFuture[T] = ThreadFuture()

        def begin() -> None:
            try:
                future = start()
            except BaseException as error:
                crossing.set_exception(error)
                return
            future.add_done_callback(lambda done: carry_over(done, crossing))

        self._calls.loop.call_soon_threadsafe(begin)
        if _has_loop():
            return asyncio.wrap_future(crossing)
        value: Any = crossing.result()
        return value  # type: ignore[no-any-return]  # a plain value for `def` handlers, by design


def _has_loop() -> bool:
    """Whether a loop runs in this thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def _called(function: Callable[..., Any], given: tuple[Any, ...]) -> Any:
    result = function(*given)
    return await result if isinstance(result, Awaitable) else result
