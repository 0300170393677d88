"""A request becomes a response. Transport-neutral: any server adapts it."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable

from motia.core.invocation import (
    Cancelled,
    Failed,
    Invocation,
    Outcome,
    Released,
    RetryLater,
    Succeeded,
    TimedOut,
)
from motia.core.message import TraceContext
from motia.core.occurrence import Request
from motia.core.stack import came_by, own_stack
from motia.core.step import Step
from motia.core.trigger import HttpTrigger
from motia.engine.engine import Engine
from motia.engine.execution import Execution
from motia.engine.idempotency import Guarded
from motia.engine.outcomes import describe, stack_data
from motia.errors import HandlerError, MotiaError
from motia.http.conditional import conditional
from motia.http.problem import hint_at_body, problem, problem_of
from motia.http.response import HttpResponse, started, to_response
from motia.http.router import Route, Router
from motia.http.stream import Stream
from motia.http.traceparent import parse_traceparent
from motia.tracing.record import Level


class StepEndpoint:
    """One route: its step, and what would otherwise be looked up per request."""

    __slots__ = ("_engine", "_index", "_step", "_timeout_s", "_trusts", "max_body_bytes", "route")

    def __init__(self, engine: Engine, step: Step, index: int, trigger: HttpTrigger) -> None:
        settings = engine.settings
        self._engine = engine
        self._step = step
        self._index = index
        self._timeout_s = trigger.timeout_s or settings.queue.handler_timeout_s
        self._trusts = settings.tracing.trust_traceparent
        self.route = trigger.path
        self.max_body_bytes = trigger.max_body_bytes or settings.limits.body_bytes

    async def answer(self, request: Request, give_up: Callable[[HttpResponse], None]) -> HttpResponse:
        """Run the step and make its response. A 2xx is returned only when the handler's writes are durable.

        Never raises for what a handler does: errors are problem responses with the trace id. *Cancellation*:
        propagates; what the handler has committed stays. A handler that swallows the cancellation of its
        timeout keeps this from returning: `give_up` is then called with the response, once.
        """
        engine = self._engine
        clock, ids, recorder = engine.clock, engine.ids, engine.recorder
        started_ms, started_s = clock.now_ms(), clock.monotonic_s()
        trace = TraceContext(ids.trace_id(started_ms), ids.span_id(), 0)
        parent = ""
        if self._trusts:
            inbound = _inbound(request)
            if inbound is not None:
                trace = TraceContext(inbound.trace_id, trace.span_id, 0)
                parent = inbound.span_id
        request.trace_id = trace.trace_id
        invocation = Invocation(self._step, self._index, request, trace)
        execution = Execution(engine, invocation, self._timeout_s, started_s)
        # It must not hold the execution, which holds it: what requests leave is freed without the collector.
        execution.give_up = lambda outcome: give_up(self._failed(outcome, trace))
        outcome = await engine.run_guarded(execution)
        execution.ended = True
        response: HttpResponse
        if type(outcome) is Succeeded:
            try:
                response = to_response(outcome.value)
                if type(response.body) is not bytes:
                    response = conditional(await started(response), request.method, request.headers)
                    if type(response.body) is Stream:
                        response.body = _Watched(response.body, lambda error: self._cut_short(error, trace))
            except Exception as error:
                outcome = Failed(_bad_result(error, self._step, str(engine.settings.project_dir)))
                response = self._failed(outcome, trace)
        else:
            if type(outcome) is Failed:
                hint_at_body(outcome.error, request)
            response = self._failed(outcome, trace)
        if not execution.given_up:
            engine.telling.execution_ended(
                execution,
                outcome,
                started_ms,
                clock.monotonic_s() - started_s,
                parent=parent,
                response=response,
            )
        if recorder.listened:
            recorder.event(
                "http.request",
                method=request.method,
                path=request.path,
                route=request.route,
                status=response.status,
                duration_us=int((clock.monotonic_s() - started_s) * 1e6),
                trace_id=trace.trace_id,
            )
        return response

    def _failed(self, outcome: Outcome, trace: TraceContext) -> HttpResponse:
        if isinstance(outcome, Failed):
            self._tell(outcome, trace)
            return problem_of(outcome.error, trace.trace_id)
        if isinstance(outcome, TimedOut):
            self._tell(outcome, trace)
            return problem(504, code="handler.timed_out", trace_id=trace.trace_id)
        if isinstance(outcome, Cancelled) and not outcome.from_outside:
            return problem(422, code="condition.not_met", detail=outcome.reason, trace_id=trace.trace_id)
        if isinstance(outcome, Released):
            return problem(
                503,
                code="node.draining",
                detail="this node is being replaced or stopped, and the handler outlived the drain",
                trace_id=trace.trace_id,
                headers={"retry-after": "1"},
            )
        asked_s = outcome.delay_s if isinstance(outcome, RetryLater) else None
        headers = None if asked_s is None else {"retry-after": str(math.ceil(asked_s))}
        return problem(503, code=f"handler.{outcome.kind}", trace_id=trace.trace_id, headers=headers)

    def _cut_short(self, error: Exception, trace: TraceContext) -> None:
        """Tell of a body whose head was sent: its caller can only be cut off."""
        failure = _bad_result(error, self._step, str(self._engine.settings.project_dir))
        self._engine.recorder.log(
            "error",
            f"{describe(Failed(failure))}; the answer had begun and was cut short",
            step=self._step.name,
            trace_id=trace.trace_id,
            span_id=trace.span_id,
            data=stack_data(Failed(failure)),
        )

    def _tell(self, outcome: Failed | TimedOut, trace: TraceContext) -> None:
        """Failures of the author are logged with their stack; refusals of the caller's input are not."""
        level = _level_of(outcome.error) if isinstance(outcome, Failed) else "error"
        if level is None:
            return
        engine = self._engine
        hint = outcome.error.hint if isinstance(outcome, Failed) else None
        engine.recorder.log(
            level,
            f"{describe(outcome)} ({hint})" if hint else describe(outcome),
            step=self._step.name,
            trace_id=trace.trace_id,
            span_id=trace.span_id,
            data=stack_data(outcome),
        )


class IdempotentEndpoint(StepEndpoint):
    """A route whose requests may carry an idempotency key."""

    __slots__ = ("_guarded",)

    def __init__(self, engine: Engine, step: Step, index: int, trigger: HttpTrigger) -> None:
        super().__init__(engine, step, index, trigger)
        assert trigger.idempotency is not None
        self._guarded = Guarded(
            engine, trigger.path, trigger.idempotency, authenticated=trigger.auth is not None
        )

    async def answer(self, request: Request, give_up: Callable[[HttpResponse], None]) -> HttpResponse:
        run = super().answer
        return await self._guarded.answer(request, lambda: run(request, give_up))


class _Watched(AsyncIterator[bytes]):
    """A streamed body; tells what it fails with, and fails."""

    __slots__ = ("_body", "_failed")

    def __init__(self, body: Stream, failed: Callable[[Exception], None]) -> None:
        self._body = body
        self._failed = failed

    async def __anext__(self) -> bytes:
        try:
            return await self._body.__anext__()
        except StopAsyncIteration:
            raise
        except Exception as error:
            self._failed(error)
            raise

    async def aclose(self) -> None:
        await self._body.aclose()


def build_router(engine: Engine) -> Router[StepEndpoint]:
    """The routes of all steps."""
    return Router.build(
        Route(
            trigger.method,
            trigger.path,
            (StepEndpoint if trigger.idempotency is None else IdempotentEndpoint)(
                engine, step, index, trigger
            ),
        )
        for step in engine.registry.steps.values()
        for index, trigger in enumerate(step.triggers)
        if isinstance(trigger, HttpTrigger)
    )


def _inbound(request: Request) -> TraceContext | None:
    for name, value in request.headers:
        if name == b"traceparent":
            return parse_traceparent(value.decode("latin-1"))
    return None


def _level_of(error: MotiaError) -> Level | None:
    stated = getattr(error.__cause__, "status", 500)
    if error.http_status >= 500:
        return None if isinstance(stated, int) and 400 <= stated < 500 else "error"
    # A call of the handler's was refused: the caller may have sent what it was made of, or not.
    return "warning" if hasattr(error, "stack") else None


def _bad_result(error: Exception, step: Step, project_dir: str) -> MotiaError:
    if not isinstance(error, MotiaError):
        # A generator, or what writes a model, is the author's code as the handler is.
        raised = came_by(error, project_dir)
        failure = HandlerError(
            str(error) or type(error).__name__,
            code="handler.raised" if raised else "handler.bad_result",
            type_name=type(error).__name__,
            stack=own_stack(error, project_dir) if raised else "",
        )
        failure.__cause__ = error
        error = failure
    if isinstance(error, HandlerError) and not error.stack:
        error.stack = str(step.source)  # the handler has returned: no frame of it is left
    return error
