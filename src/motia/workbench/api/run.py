"""Running things by hand: endpoints to try, messages to send, steps to call, schedules to fire."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from motia.core.calls import EnqueueRequest
from motia.core.ids import format_id
from motia.core.message import NewMessage, TraceContext
from motia.core.trigger import HttpTrigger, QueueTrigger
from motia.engine.engine import Engine
from motia.errors import InputError, MotiaError
from motia.http.router import Route, pattern_segments
from motia.tracing.store import TraceQuery
from motia.workbench.api.documents import plain_schema
from motia.workbench.api.project import find_step
from motia.workbench.example import example_of
from motia.workbench.request import ApiRequest, Handler, invalid, page_of, unknown
from motia.workbench.workspace import Workspace

_NEXT_RUNS = 5


def routes(workspace: Workspace) -> list[Route[Handler]]:
    """`/endpoints`, `/topics…`, `/steps/:name/trigger|call`, `/cron…`."""
    engine = workspace.engine

    async def endpoints(_: ApiRequest) -> Any:
        return page_of(_endpoints(workspace))

    async def topics(_: ApiRequest) -> Any:
        return page_of(_topics(workspace))

    async def emit(request: ApiRequest) -> Any:
        topic = request.params["topic"]
        given = request.fields("data")
        request.acted_on("emit", topic=topic)
        return await send(engine, EnqueueRequest(given["data"], topic=topic, **_when(given)))

    async def trigger(request: ApiRequest) -> Any:
        step = find_step(workspace.registry, request.params["name"])
        given = request.fields("data")
        request.acted_on("trigger", step=step.name)
        return await send(engine, EnqueueRequest(given["data"], step=step.name, **_when(given)))

    async def call(request: ApiRequest) -> Any:
        step = find_step(workspace.registry, request.params["name"])
        given = request.fields("data")
        request.acted_on("call", step=step.name)
        return await call_now(engine, step.name, given["data"])

    async def cron(_: ApiRequest) -> Any:
        return page_of(await _schedules(workspace))

    async def cron_run(request: ApiRequest) -> Any:
        name = request.params["step"]
        wanted = request.body.get("trigger") if isinstance(request.body, Mapping) else None
        schedule = next(
            (
                one
                for one in engine.schedules.schedules
                if one.step.name == name and wanted in (None, one.index)
            ),
            None,
        )
        if schedule is None:
            raise unknown("cron step", name, "step.unknown")
        request.acted_on("cron.run", step=name)
        return sent([await engine.schedules.fire_now(schedule)])

    return [
        Route("GET", "/endpoints", endpoints),
        Route("GET", "/topics", topics),
        Route("POST", "/topics/:topic/messages", emit),
        Route("POST", "/steps/:name/trigger", trigger),
        Route("POST", "/steps/:name/call", call),
        Route("GET", "/cron", cron),
        Route("POST", "/cron/:step/run", cron_run),
    ]


async def send(engine: Engine, request: EnqueueRequest) -> dict[str, Any]:
    """Store a message in a trace of its own; what became of it."""
    trace = TraceContext(engine.ids.trace_id(), "", 0)
    messages = await engine.enqueue(request, trace)
    if messages:
        return sent(messages)
    what = f"topic {request.topic!r}" if request.step is None else f"step {request.step!r}"
    warning = f"nothing was stored: no step takes messages of {what}"
    if request.topic in engine.waited_topics:
        warning = f"no step takes messages of {what}: only workflows that wait for it get it"
    return {"message_id": "", "trace_id": trace.trace_id, "queues": [], "warning": warning}


def sent(messages: list[NewMessage]) -> dict[str, Any]:
    """Stored messages of one request, as the API tells of them."""
    return {
        "message_id": format_id(messages[0].id),
        "trace_id": messages[0].trace.trace_id,
        "queues": [message.queue._asdict() for message in messages],
        "warning": None,
    }


async def call_now(engine: Engine, step: str, data: Any) -> dict[str, Any]:
    """Run a step and wait for its end, however it ends. Failure: `InputError` for a step without handler."""
    found = engine.registry.steps[step]
    if found.handler is None:
        raise InputError(
            f"call {step!r}: expected a step with a handler, got a noop",
            code="step.no_handler",
            status=409,
            hint="send a message to one of the topics it emits",
        )
    trace = TraceContext(engine.ids.trace_id(), "", 0)
    started_s = engine.clock.monotonic_s()
    answer: dict[str, Any] = {"trace_id": trace.trace_id, "ok": True}
    try:
        answer["result"] = await engine.call_step(step, data, trace)
    except MotiaError as error:
        answer |= {"ok": False, "error": error_fields(error)}
    answer["duration_us"] = int((engine.clock.monotonic_s() - started_s) * 1e6)
    return answer


def error_fields(error: MotiaError) -> dict[str, Any]:
    """An error as the operator sees it."""
    return {
        "code": error.code,
        "type": getattr(error, "type_name", "") or type(error).__name__,
        "message": error.message,
        "stack": getattr(error, "stack", ""),
        "hint": error.hint,
    }


def _when(given: Mapping[str, Any]) -> dict[str, Any]:
    delay_s, group = given.get("delay_s"), given.get("group")
    if delay_s is not None and (isinstance(delay_s, bool) or not isinstance(delay_s, int | float)):
        raise invalid("body.delay_s", "seconds", delay_s)
    if delay_s is not None and not 0 <= delay_s <= 366 * 86_400:
        raise invalid("body.delay_s", "0 to a year, in seconds", delay_s)
    if group is not None and not isinstance(group, str):
        raise invalid("body.group", "a text", group)
    return {"delay_s": delay_s, "group": group}


def _endpoints(workspace: Workspace) -> list[dict[str, Any]]:
    settings = workspace.settings
    return [
        {
            "id": f"{trigger.method} {trigger.path}",
            "step": step.name,
            "method": trigger.method,
            "path": trigger.path,
            "description": step.description,
            "flows": list(step.flows),
            "path_params": [name for kind, name in pattern_segments(trigger.path) if kind != "static"],
            "query": [
                {"name": parameter.name, "description": parameter.description}
                for parameter in trigger.query_parameters
            ],
            "params_schema": plain_schema(trigger.params_schema),
            "query_schema": plain_schema(trigger.query_schema),
            "body_schema": plain_schema(trigger.body_schema),
            "responses": [
                {"status": status, "schema": plain_schema(schema)}
                for status, schema in trigger.response_schemas.items()
            ],
            "auth": None if trigger.security is None else dict(trigger.security),
            "max_body_bytes": trigger.max_body_bytes or settings.limits.body_bytes,
            "timeout_s": trigger.timeout_s or settings.queue.handler_timeout_s,
            "example": example_of(trigger.body_schema),
        }
        for step in workspace.registry.steps.values()
        for trigger in step.triggers
        if isinstance(trigger, HttpTrigger)
    ]


def _topics(workspace: Workspace) -> list[dict[str, Any]]:
    registry = workspace.registry
    emitters: dict[str, list[str]] = defaultdict(list)
    for step in registry.steps.values():
        for emission in step.emissions:
            emitters[emission.topic].append(step.name)
    found = []
    for topic in sorted({*registry.subscribers, *emitters}):
        entries = registry.subscribers.get(topic, ())
        schemas = [
            trigger.schema
            for entry in entries
            for trigger in entry.step.triggers
            if isinstance(trigger, QueueTrigger) and trigger.topic == topic and trigger.schema is not None
        ]
        schema = schemas[0] if schemas else None
        found.append(
            {
                "topic": topic,
                "subscribers": [entry.step.name for entry in entries],
                "emitters": emitters.get(topic, []),
                "schema": plain_schema(schema),
                "example": example_of(schema),
            }
        )
    return found


async def _schedules(workspace: Workspace) -> list[dict[str, Any]]:
    engine = workspace.engine
    marks = await engine.backend.schedule.marks()
    found = []
    for schedule in engine.schedules.schedules:
        trigger = schedule.trigger
        runs: list[int] = []
        at_ms: int | None = workspace.now_ms()
        while at_ms is not None and len(runs) < _NEXT_RUNS:
            at_ms = schedule.expression.next_after(at_ms)
            if at_ms is not None:
                runs.append(at_ms)
        last = await workspace.traces.traces(TraceQuery(step=schedule.step.name, limit=1))
        found.append(
            {
                "step": schedule.step.name,
                "trigger": schedule.index,
                "expression": trigger.expression,
                "timezone": trigger.timezone or workspace.settings.timezone,
                "missed": trigger.missed,
                "overlap": trigger.overlap,
                "next_ms": runs,
                "last_fired_ms": marks.get(schedule.key),
                "last": {
                    "trace_id": last[0].trace_id,
                    "status": last[0].status,
                    "started_ms": last[0].started_at_ms,
                }
                if last
                else None,
            }
        )
    return found
