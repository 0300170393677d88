"""Runs again what a span ran: a request through its route, a message as a new one, the rest by a call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from motia import encoding
from motia.core.calls import EnqueueRequest
from motia.core.message import QueueName
from motia.core.occurrence import Request
from motia.core.step import Step
from motia.core.trigger import HttpTrigger
from motia.engine.engine import Engine
from motia.engine.http_dispatch import StepEndpoint
from motia.errors import InputError
from motia.http.response import HttpResponse
from motia.http.router import Match, Route, Router
from motia.tracing.record import SpanRecord
from motia.tracing.redaction import REDACTED
from motia.workbench.api.project import find_step
from motia.workbench.api.run import call_now, send

_NOT_SENT_AGAIN = frozenset({"content-length", "transfer-encoding", "connection", "expect"})


async def run_again(engine: Engine, span: SpanRecord, given: Mapping[str, Any]) -> dict[str, Any]:
    """Run a span's step again, with `given["data"]` (of a request: its body) or with what was recorded.

    Failure: `InputError` `trace.no_input` where nothing whole was recorded, `step.unknown`.
    """
    step = find_step(engine.registry, span.name)
    if span.kind == "http":
        return await _request_again(engine, span, step, given)
    data = given["data"] if "data" in given else _whole(span, _input(span))
    topic = str((span.attributes or {}).get("topic", ""))
    if span.kind == "queue" and QueueName(topic, step.name) in engine.registry.queues:
        return await send(engine, EnqueueRequest(data, step=step.name))
    return await call_now(engine, step.name, data)


async def _request_again(
    engine: Engine, span: SpanRecord, step: Step, given: Mapping[str, Any]
) -> dict[str, Any]:
    recorded = _whole(span, _input(span))
    attributes = span.attributes or {}
    method, route = str(attributes.get("method", "")), str(attributes.get("route", ""))
    found = next(
        (
            (index, trigger)
            for index, trigger in enumerate(step.triggers)
            if isinstance(trigger, HttpTrigger) and (trigger.method, trigger.path) == (method, route)
        ),
        None,
    )
    if found is None or not isinstance(recorded, Mapping):
        raise _no_input(span, f"that {method} {route} is a route of this step")
    endpoint = StepEndpoint(engine, step, *found)
    body = given["data"] if "data" in given else _whole(span, recorded.get("body"))
    path = str(recorded.get("path", ""))
    match = Router.build([Route(method, route, endpoint)]).match(method, quote(path))
    headers = [
        (str(name).encode("latin-1", "replace"), str(value).encode("latin-1", "replace"))
        for name, value in (recorded.get("headers") or {}).items()
        if name not in _NOT_SENT_AGAIN and value != REDACTED
    ]
    plain = isinstance(body, str) and any(value.startswith(b"text/") for _, value in headers)
    request = Request(
        method,
        path,
        route,
        match.path_params if isinstance(match, Match) else {},
        urlencode(recorded.get("query") or {}, doseq=True).encode(),
        headers,
        b"" if body is None else body.encode() if plain else encoding.encode(body),
        "console",
    )
    began_s = engine.clock.monotonic_s()
    response = await endpoint.answer(request, lambda _: None)
    return {
        "trace_id": request.trace_id,
        "ok": response.status < 400,
        "http_status": response.status,
        "result": _shown(response),
        "duration_us": int((engine.clock.monotonic_s() - began_s) * 1e6),
    }


def _shown(response: HttpResponse) -> Any:
    if not isinstance(response.body, bytes):
        return {"$omitted": "a stream"}
    try:
        return encoding.decode(response.body) if response.body else None
    except InputError:
        return response.body.decode("utf-8", "replace")


def _input(span: SpanRecord) -> Any:
    attributes = span.attributes or {}
    if "input" not in attributes:
        raise _no_input(span, "a recorded input")
    return attributes["input"]


def _whole(span: SpanRecord, value: Any) -> Any:
    if isinstance(value, Mapping) and ("$truncated_bytes" in value or "$omitted" in value):
        raise _no_input(span, "a recorded input that is complete")
    return value


def _no_input(span: SpanRecord, expected: str) -> InputError:
    return InputError(
        f"run {span.name!r} again: expected {expected}, got none",
        code="trace.no_input",
        status=409,
        hint="give the input by hand, or set tracing.detail to full",
    )
