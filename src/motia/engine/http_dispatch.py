"""A request becomes a response. Transport-neutral; `server/asgi.py` is one adapter."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from motia.core.invocation import Cancelled, Failed, Invocation, Outcome, Succeeded, TimedOut
from motia.core.message import TraceContext
from motia.core.occurrence import Request
from motia.core.registry import Registry
from motia.core.step import Step
from motia.core.trigger import HttpTrigger
from motia.engine.engine import Engine, describe, parse_traceparent, stack_of
from motia.engine.execution import Execution
from motia.errors import HandlerError, MotiaError
from motia.http.conditional import conditional
from motia.http.problem import problem, problem_of
from motia.http.response import HttpResponse, started, to_response
from motia.http.router import Match, MethodNotAllowed, Route, Router


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A route's step and what is looked up per request."""

    step: Step
    trigger_index: int
    trigger: HttpTrigger
    timeout_s: float
    max_body_bytes: int


class HttpDispatch:
    """Finds the step of a request and runs it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._clock = engine.clock
        self._router = build_router(engine.registry, engine)

    def match(self, method: str, path: str) -> Match[Endpoint] | MethodNotAllowed | None:
        """The endpoint for a raw path; see `Router.match`."""
        return self._router.match(method, path)

    async def dispatch(
        self,
        endpoint: Endpoint,
        request: Request,
        traceparent: str | None = None,
        give_up: Callable[[HttpResponse], Coroutine[Any, Any, None]] | None = None,
    ) -> HttpResponse:
        """Run the step and make its response. A 2xx is returned only when the handler's writes are durable.

        Never raises for what a handler does: errors are problem responses with the trace id. *Cancellation*:
        propagates; what the handler has committed stays. A handler that swallows the cancellation of its
        timeout keeps this from returning: `give_up` is then called with the response, once.
        """
        engine = self._engine
        trace = TraceContext(engine.ids.trace_id(), engine.ids.span_id(), 0)
        parent = ""
        if traceparent is not None and engine.settings.tracing.trust_traceparent:
            inbound = parse_traceparent(traceparent)
            if inbound is not None:
                trace = TraceContext(inbound.trace_id, trace.span_id, 0)
                parent = inbound.span_id
        invocation = Invocation(endpoint.step, endpoint.trigger_index, request, trace)
        started_ms, started_s = self._clock.now_ms(), self._clock.monotonic_s()
        execution = Execution(engine, invocation, endpoint.timeout_s, started_s)
        if give_up is not None:
            tell = give_up
            execution.give_up = lambda: tell(self._failed(endpoint, TimedOut(endpoint.timeout_s), trace))
        outcome = await engine.run_guarded(execution)
        execution.ended = True
        response: HttpResponse
        if type(outcome) is Succeeded:
            try:
                response = to_response(outcome.value)
                if type(response.body) is not bytes:
                    response = conditional(await started(response), request.method, request.headers)
            except Exception as error:
                outcome = Failed(_bad_result(error))
                response = self._failed(endpoint, outcome, trace)
        else:
            response = self._failed(endpoint, outcome, trace)
        if not execution.given_up:
            engine.record_execution(
                execution, outcome, started_ms, self._clock.monotonic_s() - started_s, parent=parent
            )
        if engine.recorder.listened:
            engine.recorder.event(
                "http.request",
                method=request.method,
                path=request.path,
                route=request.route,
                status=response.status,
                duration_us=int((self._clock.monotonic_s() - started_s) * 1e6),
                trace_id=trace.trace_id,
            )
        return response

    def _failed(self, endpoint: Endpoint, outcome: Outcome, trace: TraceContext) -> HttpResponse:
        if isinstance(outcome, Failed):
            self._tell(endpoint, outcome, trace)
            return problem_of(outcome.error, trace.trace_id)
        if isinstance(outcome, TimedOut):
            self._tell(endpoint, outcome, trace)
            return problem(504, code="handler.timed_out", trace_id=trace.trace_id)
        if isinstance(outcome, Cancelled):
            return problem(422, code="condition.not_met", detail=outcome.reason, trace_id=trace.trace_id)
        return problem(503, code=f"handler.{outcome.kind}", trace_id=trace.trace_id)

    def _tell(self, endpoint: Endpoint, outcome: Failed | TimedOut, trace: TraceContext) -> None:
        """Failures of the author are logged with their stack; refusals of the caller's input are not."""
        if isinstance(outcome, Failed) and not _is_author_s(outcome.error):
            return
        engine = self._engine
        engine.recorder.log(
            "error",
            f"{describe(outcome)}",
            step=endpoint.step.name,
            trace_id=trace.trace_id,
            span_id=trace.span_id,
            data=engine.encode_stack(stack_of(outcome)),
        )


def build_router(registry: Registry, engine: Engine) -> Router[Endpoint]:
    """The routes of all steps."""
    settings = engine.settings
    return Router.build(
        Route(
            trigger.method,
            trigger.path,
            Endpoint(
                step,
                index,
                trigger,
                trigger.timeout_s or settings.queue.handler_timeout_s,
                trigger.max_body_bytes or settings.limits.body_bytes,
            ),
        )
        for step in registry.steps.values()
        for index, trigger in enumerate(step.triggers)
        if isinstance(trigger, HttpTrigger)
    )


def _is_author_s(error: MotiaError) -> bool:
    stated = getattr(error.__cause__, "status", 500)
    return error.http_status >= 500 and not (isinstance(stated, int) and 400 <= stated < 500)


def _bad_result(error: Exception) -> MotiaError:
    if isinstance(error, MotiaError):
        return error
    failure = HandlerError(str(error), code="handler.bad_result", type_name=type(error).__name__)
    failure.__cause__ = error
    return failure
