"""Traces, logs and errors: find them, look inside, run something again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from motia import encoding
from motia.core.causes import cause_of, normal, place_of
from motia.core.registry import Registry
from motia.engine.running import running_documents
from motia.http.router import Route
from motia.tracing.record import LEVELS, SpanRecord
from motia.tracing.store import LogEntry, LogQuery, Trace, TraceQuery, TraceSummary
from motia.tracing.summary import tried_again
from motia.workbench.again import run_again
from motia.workbench.request import ApiRequest, Handler, page_of, unknown
from motia.workbench.workspace import Workspace

_STATUSES = ("running", "ok", "refused", "cancelled", "timeout", "error", "crashed", "failed", "retried")
_MOST_FAILED = 500
_TRACES_PER_GROUP = 10
_PLAIN = ("topic", "message_id", "verdict", "route", "method", "http_status")


def routes(workspace: Workspace) -> list[Route[Handler]]:
    """`/traces…`, `/logs`, `/errors`."""
    store = workspace.traces

    async def traces(request: ApiRequest) -> Any:
        query = trace_query(workspace.registry, request)
        found = await store.traces(query)
        following = found[-1].position if len(found) == query.limit else None
        running = workspace.running_traces()
        if query.before is None:
            found = await running.on_first_page(found, query)
        return page_of([summary_document(running.of(summary)) for summary in found], following)

    async def trace(request: ApiRequest) -> Any:
        found = await _trace(workspace, request)
        running = [
            run for run in running_documents(workspace.engine) if run["trace_id"] == found.summary.trace_id
        ]
        return {
            "summary": summary_document(found.summary),
            "spans": [span_document(span) for span in found.spans],
            "logs": [line_document(LogEntry(number, line)) for number, line in enumerate(found.logs)],
            "spans_left_out": found.left_out,
            "running": running,
        }

    async def span(request: ApiRequest) -> Any:
        found = await _span(workspace, request)
        attributes = dict(found.attributes or {})
        return {
            **span_document(found),
            "input": attributes.pop("input", None),
            "output": attributes.pop("output", None),
            "error": found.error,
            "attributes": {name: value for name, value in attributes.items() if name != "calls"},
        }

    async def rerun(request: ApiRequest) -> Any:
        found = await _span(workspace, request)
        given = request.fields()
        request.acted_on("rerun", step=found.name, trace_id=found.trace_id, edited="data" in given)
        return await run_again(workspace.engine, found, given)

    async def logs(request: ApiRequest) -> Any:
        query = log_query(workspace.registry, request)
        found = await store.logs(query)
        if query.after is None:
            found.reverse()
        following = found[-1].position if len(found) == query.limit else None
        return page_of([line_document(entry) for entry in found], following)

    async def errors(request: ApiRequest) -> Any:
        query = TraceQuery(step=request.text("step"), since_ms=request.number("since_ms"), limit=_MOST_FAILED)
        return page_of(await _errors(workspace, query))

    return [
        Route("GET", "/traces", traces),
        Route("GET", "/traces/:id", trace),
        Route("GET", "/traces/:id/spans/:span_id", span),
        Route("POST", "/traces/:id/spans/:span_id/rerun", rerun),
        Route("GET", "/logs", logs),
        Route("GET", "/errors", errors),
    ]


def trace_query(registry: Registry, request: ApiRequest) -> TraceQuery:
    """The filters of a list of traces."""
    min_us, max_us = request.number("min_us"), request.number("max_us")
    return TraceQuery(
        status=request.choice("status", _STATUSES),  # type: ignore[arg-type]  # it is one of them
        step=request.text("step"),
        any_step=_steps_of_flow(registry, request.text("flow")),
        kind=request.text("kind"),
        text=request.text("text"),
        since_ms=request.number("since_ms"),
        until_ms=request.number("until_ms"),
        min_us=None if min_us is None else int(min_us),
        max_us=None if max_us is None else int(max_us),
        before=request.whole("cursor"),
        limit=request.limit,
    )


def log_query(registry: Registry, request: ApiRequest) -> LogQuery:
    """The filters of a list of lines."""
    return LogQuery(
        level=request.choice("level", tuple(LEVELS)),  # type: ignore[arg-type]  # it is one of them
        step=request.text("step"),
        any_step=_steps_of_flow(registry, request.text("flow")),
        trace_id=request.text("trace_id"),
        text=request.text("text"),
        since_ms=request.number("since_ms"),
        until_ms=request.number("until_ms"),
        after=request.whole("after"),
        before=request.whole("cursor"),
        limit=request.limit,
    )


def summary_document(summary: TraceSummary) -> dict[str, Any]:
    """A trace in a list."""
    return {
        "trace_id": summary.trace_id,
        "name": summary.name,
        "kind": summary.kind,
        "status": summary.status,
        "started_ms": summary.started_at_ms,
        "ended_ms": summary.ended_at_ms,
        "duration_us": round((summary.ended_at_ms - summary.started_at_ms) * 1000),
        "spans": summary.spans,
        "failures": summary.failures,
        "steps": list(summary.steps),
        "error": summary.error,
    }


def span_document(span: SpanRecord) -> dict[str, Any]:
    """A span without what may be large."""
    attributes = span.attributes or {}
    error = span.error
    noted = attributes.get("calls")
    calls = noted if isinstance(noted, list) else []  # else it was too large to be kept
    return {
        "span_id": span.span_id,
        "parent_id": span.parent_id,
        "name": span.name,
        "kind": span.kind,
        "attempt": span.attempt,
        "status": span.status,
        "started_ms": span.started_at_ms,
        "duration_us": span.duration_us,
        "queue_wait_us": span.queue_wait_us,
        "error": None
        if error is None
        else {name: str(error.get(name, "")) for name in ("code", "type", "message")},
        **{name: attributes[name] for name in _PLAIN if name in attributes},
        "has_input": "input" in attributes,
        "has_output": "output" in attributes,
        "calls": [_call_document(call) for call in calls],
        "calls_left_out": attributes.get("calls_left_out", 0),
    }


def line_document(entry: LogEntry) -> dict[str, Any]:
    """A line of a log."""
    record = entry.record
    return {
        "position": entry.position,
        "at_ms": record.at_ms,
        "level": record.level,
        "step": record.step,
        "trace_id": record.trace_id,
        "span_id": record.span_id,
        "message": record.message,
        "data": None if record.data is None else encoding.decode(record.data),
    }


def _steps_of_flow(registry: Registry, flow: str | None) -> tuple[str, ...] | None:
    if flow is None or flow == "*":
        return None
    return tuple(step.name for step in registry.steps.values() if flow in step.flows)


def _call_document(call: Any) -> dict[str, Any]:
    kind, name, offset_us, duration_us, ok = call
    return {"kind": kind, "name": name, "offset_us": offset_us, "duration_us": duration_us, "ok": bool(ok)}


async def _trace(workspace: Workspace, request: ApiRequest) -> Trace:
    trace_id, running = request.params["id"], workspace.running_traces()
    found = await workspace.traces.trace(trace_id)
    if found is not None:
        return replace(found, summary=running.of(found.summary))
    begun = running.begun(trace_id)
    if begun is None:
        raise unknown("trace", trace_id, "trace.unknown")
    return Trace(summary=begun, spans=(), logs=())


async def _span(workspace: Workspace, request: ApiRequest) -> SpanRecord:
    trace = await _trace(workspace, request)
    wanted = request.params["span_id"]
    for span in trace.spans:
        if span.span_id == wanted:
            return span
    raise unknown("span", wanted, "trace.unknown")


async def _errors(workspace: Workspace, query: TraceQuery) -> list[dict[str, Any]]:
    groups: dict[str, dict[str, Any]] = {}
    for span in await workspace.traces.failures(query):
        if span.error is not None and query.step in (None, span.name):
            _count_error(groups, span, span.error)
    return sorted(groups.values(), key=lambda group: -float(group["last_ms"]))


def _count_error(groups: dict[str, dict[str, Any]], span: SpanRecord, error: Mapping[str, Any]) -> None:
    code, kind, message, stack = (str(error.get(name) or "") for name in ("code", "type", "message", "stack"))
    cause = cause_of(span.name, code, kind, message)
    ended_ms = span.started_at_ms + span.duration_us / 1000
    group = groups.get(cause)
    if group is None:
        group = groups[cause] = {
            "cause": cause,
            "step": span.name,
            "code": code,
            "type": kind,
            "message": normal(message),
            "where": place_of(stack),
            "count": 0,
            "retried": 0,
            "first_ms": ended_ms,
            "last_ms": ended_ms,
            "trace_ids": [],
            "stack": stack,
        }
    group["count"] += 1
    group["retried"] += tried_again(span)
    group["first_ms"] = min(group["first_ms"], ended_ms)
    group["last_ms"] = max(group["last_ms"], ended_ms)
    if span.trace_id not in group["trace_ids"] and len(group["trace_ids"]) < _TRACES_PER_GROUP:
        group["trace_ids"].append(span.trace_id)
