"""One execution's side of the engine: serves the calls of a running handler (`core.calls.Calls`).

As long as that protocol: what a handler calls is a method here, and each is thin. Streams, durable calls, the
writes of a block and what is noted of calls are objects of their own, made when first asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from motia.core.batch import (
    Batch,
    ClaimHeld,
    Completed,
    Duplicate,
    Ended,
    Enqueue,
    Guard,
    Operation,
    Post,
    Settle,
)
from motia.core.calls import EnqueueRequest, Part, StateWrite, StateWritten, overlooked
from motia.core.ids import format_id
from motia.core.invocation import Invocation, Outcome, Succeeded
from motia.core.message import BulkProgress, MessageId, NewMessage, StoredMessage, TraceContext
from motia.core.state import StateEntry
from motia.core.step import Step
from motia.core.workflow import JournalEntry, RunId, RunSummary
from motia.engine.bulks import bulk_of
from motia.engine.enqueue import FanOut, fan_out, standing
from motia.engine.noted_calls import CallNotes
from motia.engine.state_calls import state_name, state_operation, written_of
from motia.engine.stream_calls import ExecutionStreams
from motia.engine.workflow import Workflow
from motia.engine.write_set import WriteSet
from motia.errors import AccessError, HandlerError, InputError
from motia.tracing.logger import StepLogger

if TYPE_CHECKING:
    from motia.engine.engine import Engine

T = TypeVar("T")
_KEPT = 64
"""Finished calls that are kept before they are looked through."""


class Execution:
    """A running invocation: its writes are guarded by its claim, and none is forgotten."""

    # Defaults live on the class: most executions never touch most of these, and each is made per request.
    user: Any = None
    task: asyncio.Task[Any] | None = None
    stop_reason: str | None = None
    """Why the handler was asked to stop: timed_out, cancelled, drained, not_started."""
    ended = False
    """Its outcome is decided; a handler that swallowed its cancellation may still run."""
    given_up = False
    """It was told as timed out or released while its handler still runs."""
    give_up: Callable[[Outcome], None] | None = None
    """Tells a caller that waits."""
    led_on = False
    """It wrote, logged or called: others may belong to its trace."""
    settled = False
    """The message was completed inside `atomic(settle=True)`."""
    notes: CallNotes | None = None
    """What the handler called, where the settings ask for detail."""
    _look_at = _KEPT
    _last_write: asyncio.Future[Any] | None = None
    _write_set: WriteSet | None = None
    _logger: StepLogger | None = None
    _trace_onward: TraceContext | None = None
    workflow: Workflow | None = None
    """Its durable calls, from the first one on."""

    def __init__(self, engine: Engine, invocation: Invocation, timeout_s: float, started_s: float) -> None:
        self.engine = engine
        self.invocation = invocation
        self.loop = engine.loop
        self.timeout_s = timeout_s
        self.started_s = started_s
        self.pending: list[asyncio.Future[Any]] = []
        """Work begun by the handler that may not have been awaited."""

    @property
    def cancelled(self) -> bool:
        return self.stop_reason is not None

    # Messages ---------------------------------------------------------------------------------------

    def enqueue(self, requests: Sequence[EnqueueRequest]) -> asyncio.Future[list[str]]:
        ids: list[str] = []
        messages: list[NewMessage] = []
        operations: list[Enqueue | Post] = []
        for request in requests:
            found = self._fan_out(request)
            ids.append(format_id(found.id))
            messages += found.messages
            operations += _operations(found)
        return self._store(operations, messages, ids, _same)

    def enqueue_one(self, request: EnqueueRequest) -> asyncio.Future[str]:
        found = self._fan_out(request)
        return self._store(_operations(found), found.messages, [format_id(found.id)], _first)

    def enqueue_many(self, requests: Sequence[EnqueueRequest]) -> asyncio.Future[str]:
        engine = self.engine
        bulk = engine.ids.message_id()
        found = bulk_of(
            engine.registry,
            requests,
            bulk,
            engine.ids,
            self._onward(),
            now_ms=engine.clock.now_ms(),
            max_bytes=engine.settings.limits.message_bytes,
            waited=engine.waited_topics,
        )
        if found.unknown:
            self._undeliverable(found.unknown, requests[0])
        messages = [one.message for one in found.operations if type(one) is Enqueue]
        return self._store(found.operations, messages, [format_id(bulk)], _first)

    def _fan_out(self, request: EnqueueRequest) -> FanOut:
        engine = self.engine
        found = fan_out(
            engine.registry,
            request,
            engine.ids,
            self._onward(),
            now_ms=engine.clock.now_ms(),
            max_bytes=engine.settings.limits.message_bytes,
            # Whether this node still takes messages when a block ends is asked then.
            claim_for=engine.consumer.target() if self._write_set is None else engine.node_id,
            may_start=engine.consumer.has_place,
            waited=engine.waited_topics,
        )
        if found.unknown:
            self._undeliverable(found.unknown, request)
        return found

    def _onward(self) -> TraceContext:
        onward = self._trace_onward
        if onward is None:
            trace = self.invocation.trace
            onward = self._trace_onward = TraceContext(trace.trace_id, trace.span_id, trace.hops + 1)
        return onward

    def _undeliverable(self, why: str, request: EnqueueRequest) -> None:
        self.logger.warning(why)
        self.engine.recorder.event(
            "message.undeliverable",
            topic=request.topic or request.step or "",
            trace_id=self.invocation.trace.trace_id,
        )

    def _store(
        self,
        operations: Sequence[Operation],
        messages: list[NewMessage],
        ids: list[str],
        give: Callable[[list[str]], T],
    ) -> asyncio.Future[T]:
        """Put the messages; gives what `give` makes of their ids once they are durable."""
        if self._write_set is not None:
            self._write_set.operations += operations
            return self._done(give(ids))
        if not operations:
            return self._done(give(ids))
        engine = self.engine
        if len(messages) > 1:
            engine.consumer.leave_to_others(messages)

        def accept(results: list[Any]) -> T:
            engine.stored(messages, results)
            if Duplicate in map(type, results):
                return give(standing(ids, operations, results))
            return give(ids)

        return self.commit(operations, then=accept)

    def signal(self, run_id: str, name: str, data: Any) -> asyncio.Future[None]:
        return self.commit([self.engine.signal_post(run_id, name, data)], then=lambda _: None)

    def now_ms(self) -> int:
        return self.engine.clock.now_ms()

    def runs(self, id_: MessageId) -> asyncio.Future[list[RunSummary]]:
        return self.engine.backend.workflow.of_message(id_)

    def journal(self, run: RunId) -> asyncio.Future[list[JournalEntry]]:
        return self.engine.backend.workflow.journal(run)

    def durable(self) -> Workflow:
        """The durable calls of this execution. Failure: `WorkflowError` `workflow.not_durable`."""
        if self.workflow is None:
            self.workflow = Workflow(self)
        return self.workflow

    def step_named(self, name: str) -> Step | None:
        return self.engine.registry.steps.get(name)

    def tell_part(self, part: Part) -> None:
        self.led_on = True
        self.engine.telling.part_ended(self.invocation.trace, part, self.engine.ids.span_id())

    def messages(self, id_: MessageId) -> asyncio.Future[list[StoredMessage]]:
        return self.engine.backend.queue.messages(id_)

    def cancel_messages(self, id_: MessageId) -> asyncio.Future[int]:
        return self.begin(self._cancel(self.engine.interventions.cancel([id_])))

    def bulk(self, bulk: bytes) -> asyncio.Future[BulkProgress | None]:
        return self.engine.backend.queue.bulk(bulk)

    def cancel_bulk(self, bulk: bytes) -> asyncio.Future[int]:
        return self.begin(self._cancel(self.engine.interventions.cancel_bulk(bulk)))

    def cancel_trace(self, trace_id: str) -> asyncio.Future[int]:
        return self.begin(self._cancel(self.engine.interventions.cancel_trace(trace_id)))

    @staticmethod
    async def _cancel(work: Coroutine[Any, Any, list[Ended]]) -> int:
        return len(await work)

    def call(self, step: str, data: Any) -> asyncio.Future[Any]:
        self.led_on = True
        return self.begin(self._called(step, data))

    async def _called(self, step: str, data: Any) -> Any:
        try:
            return await self.engine.call_step(step, data, self.invocation.trace)
        except (InputError, AccessError) as error:
            # What this handler sent was refused: that is no fault of its own caller's, nor for them to read.
            raise HandlerError(
                f"call {step!r}: {error.message.removeprefix(f'call {step!r}: ')}",
                code=error.code,
                details=error.details,
                hint=error.hint,
                retryable=error.retryable,
            ) from error

    # State ------------------------------------------------------------------------------------------

    def state_get(self, scope: str, key: str) -> asyncio.Future[StateEntry | None]:
        scope, key = state_name(scope, "scope"), state_name(key, "key")
        if self._write_set is not None:
            return self.begin(self._write_set.get(self.engine, scope, key))
        if (write := self._unfinished_write()) is not None:
            return self.begin(self._get_after(write, scope, key))
        return self.engine.backend.state.get(scope, key, self.engine.clock.now_ms())

    def _unfinished_write(self) -> asyncio.Future[Any] | None:
        """The last write, while it is on its way: a handler reads what it wrote. Commits end in order."""
        write = self._last_write
        return None if write is None or write.done() else write

    async def _get_after(self, write: asyncio.Future[Any], scope: str, key: str) -> StateEntry | None:
        await asyncio.wait([write])
        return await self.engine.backend.state.get(scope, key, self.engine.clock.now_ms())

    def state_entries(self, scope: str) -> asyncio.Future[list[StateEntry]]:
        scope = state_name(scope, "scope")
        if self._write_set is not None:
            return self.begin(self._write_set.entries(self.engine, scope))
        return self.begin(self._scan(self._unfinished_write(), scope))

    async def _scan(self, write: asyncio.Future[Any] | None, scope: str) -> list[StateEntry]:
        if write is not None:
            await asyncio.wait([write])
        return await self.engine.backend.state.entries(scope, self.engine.clock.now_ms())

    def state_scopes(self) -> asyncio.Future[list[str]]:
        return self.begin(self._scopes(self._unfinished_write()))

    async def _scopes(self, write: asyncio.Future[Any] | None) -> list[str]:
        if write is not None:
            await asyncio.wait([write])
        return await self.engine.backend.state.scopes(self.engine.clock.now_ms())

    def state_write(self, write: StateWrite) -> asyncio.Future[StateWritten | None]:
        operation, guards = state_operation(self.engine, write, self._onward)
        if self._write_set is not None:
            self._write_set.operations.append(operation)
            self._write_set.guards += guards
            if self._write_set.note(operation):
                return self._done(None)
            return self.begin(self._write_set.note_in_turn(self.engine, operation))
        if not self.engine.recorder.listened:
            return self.commit([operation], guards, written_of)

        def told(results: list[Any]) -> StateWritten:
            written = written_of(results)
            self.engine.telling.state_changed(self.invocation, write, written)
            return written

        return self.commit([operation], guards, told)

    async def sleep(self, delay_s: float) -> None:
        await self.engine.clock.sleep(delay_s)

    @property
    def streams(self) -> ExecutionStreams:
        return ExecutionStreams(self.engine, self)

    # Atomic -----------------------------------------------------------------------------------------

    @property
    def in_atomic(self) -> bool:
        return self._write_set is not None

    def begin_atomic(self, *, settle: bool) -> None:
        if self._write_set is not None:
            raise HandlerError(
                "ctx.atomic(): expected one block at a time, got a second inside the first",
                code="atomic.nested",
                hint="leave the first block before you begin another",
                retryable=False,
            )
        if settle and self.invocation.claim is None:
            raise HandlerError(
                "ctx.atomic(settle=True): expected a handler that runs from a queue, got one that does not",
                code="atomic.nothing_to_settle",
                retryable=False,
            )
        self._write_set = WriteSet(settle)

    def commit_atomic(self) -> asyncio.Future[None]:
        write_set = self._write_set
        assert write_set is not None
        self._write_set = None
        operations = write_set.operations
        claim = self.invocation.claim
        if write_set.settle and claim is not None:
            operations = [*operations, *(Settle(one, Completed()) for one in (claim, *claim.bundle))]
            if self.workflow is not None:
                operations += self.workflow.ending("completed", Succeeded())
        if not operations:
            return self._done(None)

        engine = self.engine
        messages = [operation.message for operation in operations if type(operation) is Enqueue]
        engine.consumer.leave_to_others(messages)

        def settled(results: list[Any]) -> None:
            self.settled = self.settled or write_set.settle
            engine.stored(messages, results)

        return self.commit(operations, tuple(write_set.guards), settled)

    def abandon_atomic(self) -> None:
        self._write_set = None

    # The rest ---------------------------------------------------------------------------------------

    @property
    def logger(self) -> StepLogger:
        if self._logger is None:
            self.led_on = True
            invocation = self.invocation
            self._logger = StepLogger(
                self.engine.recorder,
                invocation.step.name,
                trace_id=invocation.trace.trace_id,
                span_id=invocation.trace.span_id,
                level=self.engine.log_level,
            )
        return self._logger

    def commit(
        self,
        operations: Sequence[Operation],
        guards: tuple[Guard, ...] = (),
        then: Callable[[list[Any]], Any] | None = None,
    ) -> asyncio.Future[Any]:
        """Commit as this execution: guarded by its claim, and awaited before it ends."""
        if self.settled:
            raise HandlerError(
                "a write after ctx.atomic(settle=True): expected the block to write last, got one more",
                code="atomic.already_settled",
                hint="move the write into the block: the message was completed with it",
                retryable=False,
            )
        claim = self.invocation.claim
        if self.ended and claim is not None and not self.given_up:
            raise HandlerError(
                f"{self.invocation.step.name}: a write after the handler had ended: expected none, because"
                " its message is settled",
                code="context.ended",
                hint="await what the handler begins before it returns",
                retryable=False,
            )
        if self.ended and claim is None:
            self.logger.warning("a write after the handler had ended: it is stored, but nobody waits for it")
        self.led_on = True
        if claim is not None:
            guards = (*(ClaimHeld(one.seq, one.id, one.token) for one in (claim, *claim.bundle)), *guards)
        write = self._last_write = self.engine.backend.commit(Batch(operations, guards), then)
        self.watch(write)
        return write

    def begin(self, work: Coroutine[Any, Any, T]) -> asyncio.Future[T]:
        """Start `work` as something the handler began."""
        return self._watched(self.loop.create_task(work))

    def watch(self, future: asyncio.Future[T]) -> None:
        """Take a future for something the handler began."""
        self.pending.append(future)
        if len(self.pending) > self._look_at:
            # The mark of a failure that nobody has asked for; see `overlooked`.
            self.pending = [work for work in self.pending if not work.done() or work._log_traceback]
            self._look_at = max(_KEPT, 2 * len(self.pending))

    def _watched(self, future: asyncio.Future[T]) -> asyncio.Future[T]:
        self.watch(future)
        return future

    def _done(self, value: Any) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = self.loop.create_future()
        future.set_result(value)
        return future

    async def finish_pending(self) -> None:
        """Wait for everything the handler began. An error nobody looked at fails the attempt."""
        failure: BaseException | None = None
        while self.pending:
            work, self.pending = self.pending, []
            if running := [one for one in work if not one.done()]:
                await asyncio.wait(running)
            for ended in work:
                # Each is asked, so that none is told of a second time.
                error = overlooked(ended)
                failure = failure or error
        if failure is not None:
            raise failure


def _operations(found: FanOut) -> list[Enqueue | Post]:
    operations: list[Enqueue | Post] = [Enqueue(message) for message in found.messages]
    if found.mail is not None:
        operations.append(Post(found.mail))
    return operations


def _same(ids: list[str]) -> list[str]:
    return ids


def _first(ids: list[str]) -> str:
    return ids[0]
