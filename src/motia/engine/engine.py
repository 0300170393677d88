"""One node's engine: composes the duties, starts and stops them in order, and knows nothing of a feature's
inside."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

from motia import encoding
from motia.backends.liveness import Liveness
from motia.backends.protocol import Backend
from motia.core.batch import Batch, Enqueue, Operation, Post, RegisterMail, RegisterNode
from motia.core.calls import Calls, EnqueueRequest
from motia.core.clock import Clock, Entropy, Timer
from motia.core.ids import Ids
from motia.core.invocation import Cancelled, Failed, Invocation, Outcome, Released, TimedOut
from motia.core.message import Claim, NewMessage, NodeId, QueueName, TraceContext
from motia.core.occurrence import ManualCall
from motia.core.registry import Registry
from motia.core.service import Service
from motia.core.spelling import did_you_mean
from motia.core.step import Source, Step
from motia.core.trigger import FunctionId
from motia.core.workflow import Mail
from motia.engine.approvals import Approvals
from motia.engine.consumer import Consumer
from motia.engine.deadlines import Deadlines
from motia.engine.enqueue import fan_out
from motia.engine.execution import Execution
from motia.engine.interventions import Interventions
from motia.engine.lost_claims import LostClaims
from motia.engine.noted_calls import CallNotes, NotedCalls
from motia.engine.orphans import Orphans
from motia.engine.outcomes import value_of
from motia.engine.promoter import Promoter
from motia.engine.pruner import Pruner
from motia.engine.rescuer import Rescuer
from motia.engine.schedules import Schedules
from motia.engine.stream_gate import Gate
from motia.engine.streams import Streams
from motia.engine.telling import Telling
from motia.engine.under_way import tell_other_nodes
from motia.errors import InputError, InternalError, WorkerError
from motia.runtimes.protocol import Runtime
from motia.settings import Settings
from motia.tracing.record import Level
from motia.tracing.recorder import Recorder
from motia.tracing.redaction import Redactor
from motia.workflow.approvals import ApprovalLinks
from motia.workflow.mail import signal_mail

NewMessages = list[NewMessage]


class Engine:
    """Runs the steps of one registry on one backend.

    `start` returns when messages, schedules and calls are served; `drain` takes nothing new and waits.
    """

    def __init__(
        self,
        *,
        registry: Registry,
        backend: Backend,
        liveness: Liveness,
        lock_path: str,
        runtimes: Mapping[str, Runtime],
        settings: Settings,
        recorder: Recorder,
        redactor: Redactor,
        clock: Clock,
        entropy: Entropy,
        node_id: NodeId,
        pid: int,
        flush_traces: Callable[[], Awaitable[None]],
        approval_links: ApprovalLinks,
        stream_auth: tuple[Source, FunctionId] | None = None,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.registry = registry
        self.backend = backend
        self.liveness = liveness
        self.settings = settings
        self.recorder = recorder
        self.redactor = redactor
        self.clock = clock
        self.entropy = entropy
        self.ids = Ids(clock, entropy)
        self.node_id = node_id
        self.log_level: Level = settings.log.level or ("debug" if settings.mode == "development" else "info")
        self.flush_traces = flush_traces
        detail = settings.tracing.detail or ("full" if settings.mode == "development" else "lean")
        self.detailed = detail == "full" and settings.tracing.enabled
        self.telling = Telling(recorder, spans=settings.tracing.enabled, detailed=self.detailed)
        self._runtimes = runtimes
        self._pid = pid
        self._lock_path = lock_path
        self._background: set[asyncio.Future[Any]] = set()
        self._drain_timer: Timer | None = None
        self.threads = ThreadPoolExecutor(settings.queue.threads, thread_name_prefix="motia-durable")
        """For the plain functions of durable steps: neither handlers nor files wait for those that hang."""
        self.waited_topics = set(registry.waits)
        """Topics whose events are also mail."""
        grace_s = settings.queue.cancel_grace_s
        self.deadlines = Deadlines(clock, grace_s, self._abandon, tell_other_nodes(liveness, clock))
        self.consumer = Consumer(self)
        self.promoter = Promoter(self)
        self.rescuer = Rescuer(self)
        self.schedules = Schedules(self)
        self.pruner = Pruner(self)
        self.streams = Streams(self, Gate(self, stream_auth))
        self.interventions = Interventions(self)
        self.approvals = Approvals(self, approval_links)
        self.lost_claims = LostClaims(self)
        self.orphans = Orphans(self)
        self._services: tuple[Service, ...] = (
            self.deadlines,
            self.rescuer,
            self.promoter,
            self.consumer,
            self.schedules,
            self.pruner,
            self.orphans,
            self.lost_claims,
            self.interventions,
            self.streams,
        )
        """In the order of their start; they stop the other way round."""

    # Lifecycle --------------------------------------------------------------------------------------

    async def start(self) -> None:
        register = RegisterNode(self.node_id, self._pid, self.clock.now_ms(), self._lock_path)
        waits = self.registry.waits.items()
        mail = [RegisterMail(topic, fields) for topic, every in waits for fields in every]
        await self.backend.commit(Batch((register, *mail)))
        for service in self._services:
            await service.start()
        self.recorder.event("node.started", node=self.node_id.hex(), pid=self._pid)

    async def drain(self) -> None:
        """Take nothing new; wait for what runs, then interrupt it and give it back uncharged. Requests may
        still be running when this returns; they are interrupted at the same time."""
        self.recorder.event("node.draining", node=self.node_id.hex(), running=self.consumer.running)
        self._drain_timer = self.clock.call_later(self.settings.drain_s, self._release_requests)
        await self.schedules.stop()
        await self.consumer.stop()
        if not await self.consumer.wait_idle(self.settings.drain_s):
            await self.consumer.release_running(self.settings.queue.cancel_grace_s)

    def _release_requests(self) -> None:
        for execution in list(self.deadlines.running):
            if execution.invocation.claim is None and execution.stop_reason is None:
                self.deadlines.release(execution)

    async def stop(self) -> None:
        if self._drain_timer is not None:
            self._drain_timer.cancel()
        first, *others = self._services
        for service in reversed(others):
            await service.stop()
        await self.consumer.release_running(self.settings.queue.cancel_grace_s)
        await first.stop()  # what runs is stopped by its deadlines until the end
        if self._background:
            await asyncio.wait(self._background)
        self.threads.shutdown(wait=False, cancel_futures=True)
        self.recorder.event("node.stopped", node=self.node_id.hex(), released=0)

    def replace_registry(self, registry: Registry) -> None:
        """Run these steps from now on. What runs ends as it began."""
        self.registry = registry
        self.schedules.replace(registry)
        self.consumer.steps_replaced()

    # For executions ---------------------------------------------------------------------------------

    def due_sooner(self, delay_s: float) -> None:
        self.promoter.look_in(delay_s)

    def state_queues(self, scope: str, key: str) -> Sequence[QueueName]:
        """Queues of the state triggers that watch this key."""
        return self.registry.queues_watching(scope, key) if self.registry.state_triggers else ()

    def signal_post(self, run_id: str, name: str, data: Any) -> Post:
        """What delivers a signal to a run. Failure: `InputError` `run.bad_id`."""
        return Post(signal_mail(run_id, name, data, self.ids, self.clock.now_ms()))

    async def signal(self, run_id: str, name: str, data: Any) -> int:
        """Post a signal to a run from outside any handler; how many waits it ended, 0 while the run has not
        come to wait for it. Failure: `InputError` `run.bad_id`."""
        (woken,) = await self.backend.commit(Batch((self.signal_post(run_id, name, data),)))
        return int(woken)

    def note_waited(self, topic: str) -> None:
        """A workflow waits for events of a topic."""
        if topic not in self.waited_topics:
            self.waited_topics.add(topic)
            self.report(
                f"a workflow waits for {topic!r}, which no step names in a `wait_for` that can be read from"
                " its file: events that other nodes sent before are not found; write the topic as a text"
            )

    def report(self, message: str, level: Level = "warning") -> None:
        """A line of the framework's own."""
        self.recorder.log(level, message, step="motia")

    def background(self, work: asyncio.Future[Any] | Coroutine[Any, Any, Any]) -> None:
        """Let work end by itself; a failure is reported."""
        future = asyncio.ensure_future(work)
        self._background.add(future)
        future.add_done_callback(self._background_ended)

    def _background_ended(self, done: asyncio.Future[Any]) -> None:
        self._background.discard(done)
        if not done.cancelled() and (error := done.exception()) is not None:
            self.report(f"work in the background failed: {error}")

    def runtime_of(self, step: Step) -> Runtime:
        """What runs the functions of a step's language. Failure: `WorkerError` `worker.unavailable`."""
        runtime = self._runtimes.get(step.source.language)
        if runtime is None:
            language = step.source.language
            raise WorkerError(f"no runtime for {language} steps", code="worker.unavailable")
        return runtime

    # Running ----------------------------------------------------------------------------------------

    def stored(self, messages: Sequence[NewMessage], results: Sequence[Any] = ()) -> None:
        """Messages are committed: tell of them, wake in time for those that are due later, and run those
        that were claimed for this node as they were stored."""
        if self.recorder.listened:
            self.telling.enqueued(messages)
        for message in messages:
            if message.due_at_ms is not None:
                self.due_sooner((message.due_at_ms - self.clock.now_ms()) / 1000)
        for result in results:
            if type(result) is Claim:
                self.consumer.accept(result)

    async def run_guarded(self, execution: Execution) -> Outcome:
        """Run a handler under its deadline. Never raises for what the handler does."""
        invocation = execution.invocation
        runtime = self._runtimes.get(invocation.step.source.language)
        if runtime is None:
            language = invocation.step.source.language
            return Failed(WorkerError(f"no runtime for {language} steps", code="worker.unavailable"))
        execution.task = execution.task or asyncio.current_task(self.loop)
        if self.recorder.listened:
            self.recorder.event(
                "invocation.started",
                step=invocation.step.name,
                trace_id=invocation.trace.trace_id,
                span_id=invocation.trace.span_id,
                kind=invocation.occurrence.kind,
                attempt=invocation.attempt,
            )
        self.deadlines.watch(execution)
        try:
            calls = self._noted(execution) if self.detailed else execution
            return await runtime.invoke(invocation, calls)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            failure = InternalError(f"the runtime failed: {error!r}", code="internal.runtime")
            failure.__cause__ = error
            return Failed(failure)
        finally:
            del self.deadlines.running[execution]
            # What comes after the handler, its settlement above all, is not to be interrupted.
            execution.task = None

    def _noted(self, execution: Execution) -> Calls:
        execution.notes = CallNotes(self.clock, execution.started_s)
        return cast(Calls, NotedCalls(execution, execution.notes))

    def _abandon(self, execution: Execution) -> None:
        """A handler swallowed its cancellation: tell of its timeout without it. Its token is taken away, so
        that another attempt may begin and what it still writes is refused."""
        execution.ended = execution.given_up = True
        outcome: Outcome = TimedOut(execution.timeout_s)
        if execution.stop_reason == "cancelled":
            outcome = Cancelled("it swallowed its cancellation and runs on", from_outside=True)
        elif execution.stop_reason == "drained":
            outcome = Released()
        decision = self.consumer.give_up(execution, outcome)
        claim = execution.invocation.claim
        parent = "" if claim is None or decision is None else claim.trace.span_id
        verdict = "" if decision is None else decision.verdict
        duration_s = self.clock.monotonic_s() - execution.started_s
        started_ms = self.clock.now_ms() - round(duration_s * 1000)
        self.telling.execution_ended(
            execution, outcome, started_ms, duration_s, parent=parent, verdict=verdict
        )
        if execution.give_up is not None:
            execution.give_up(outcome)

    def stop_trace(self, trace_id: str) -> None:
        """Interrupt what runs here of a trace and came from no message: requests, calls by hand."""
        for execution in list(self.deadlines.running):
            invocation = execution.invocation
            if invocation.trace.trace_id == trace_id and invocation.claim is None:
                self.deadlines.cancel(execution)

    @property
    def worn(self) -> str | None:
        """Why the process should be replaced: handlers that swallow their cancellation fill it. Else None."""
        given_up = sum(execution.given_up for execution in self.deadlines.running)
        if given_up * 4 > self.settings.queue.concurrency:
            return f"{given_up} handlers swallowed their cancellation and never ended"
        return None

    async def call_step(self, name: str, data: Any, trace: TraceContext | None = None) -> Any:
        """What the step returns, run now. Failure: `InputError` `step.unknown`; what it failed with."""
        step = self.registry.steps.get(name)
        if step is None or step.handler is None:
            raise InputError(
                f"call {name!r}: expected a step of this project that has a handler, got none of this name",
                code="step.unknown",
                hint=did_you_mean(name, self.registry.steps, "`motia steps` lists them"),
                status=404,
            )
        parent = trace or TraceContext(self.ids.trace_id(), "", 0)
        invocation = Invocation(
            step=step,
            trigger_index=None,
            occurrence=ManualCall(payload=encoding.encode_kept(data)),
            trace=TraceContext(parent.trace_id, self.ids.span_id(), parent.hops),
        )
        started_ms, started_s = self.clock.now_ms(), self.clock.monotonic_s()
        execution = Execution(self, invocation, self.settings.queue.handler_timeout_s, started_s)
        outcome = await self.run_guarded(execution)
        execution.ended = True
        self.telling.execution_ended(
            execution, outcome, started_ms, self.clock.monotonic_s() - started_s, parent=parent.span_id
        )
        return value_of(outcome)

    async def enqueue(self, request: EnqueueRequest, trace: TraceContext | None = None) -> NewMessages:
        """Store a message from outside any handler."""
        found = fan_out(
            self.registry,
            request,
            self.ids,
            trace or TraceContext(self.ids.trace_id(), "", 0),
            now_ms=self.clock.now_ms(),
            max_bytes=self.settings.limits.message_bytes,
            claim_for=self.consumer.target(),
            may_start=self.consumer.has_place,
            waited=self.waited_topics,
        )
        if found.unknown:
            self.report(found.unknown)
        await self.enqueue_messages(found.messages, found.mail)
        return found.messages

    async def enqueue_messages(self, messages: NewMessages, mail: Mail | None = None) -> None:
        """Store messages, and the event as mail where a workflow may wait for it, together."""
        operations: list[Operation] = [Enqueue(message) for message in messages]
        if mail is not None:
            operations.append(Post(mail))
        if operations:
            self.consumer.leave_to_others(messages)
            results = await self.backend.commit(Batch(operations))
            self.stored(messages, results)
