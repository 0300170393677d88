"""Runs of workflows and what they ask people: look at them, cancel them, send them signals."""

from __future__ import annotations

from collections import Counter
from typing import Any

from motia.core.batch import Batch, RetryRun
from motia.core.ids import format_id, parse_id
from motia.core.message import QueueName
from motia.core.workflow import RunId, RunStatus, RunSummary
from motia.http.router import Route
from motia.tracing.record import PARTS, SpanRecord
from motia.tracing.store import Trace
from motia.workbench.request import ApiRequest, Handler, invalid, page_of
from motia.workbench.workspace import Workspace
from motia.workflow.documents import run_detail, run_document
from motia.workflow.mail import parse_run_id
from motia.workflow.selection import chosen, may_be_signalled, still_open

_STATUSES: tuple[RunStatus, ...] = ("running", "suspended", "held", "completed", "failed", "cancelled")
_VALUE_BYTES = 64 * 1024
"""Most that is shown of one value."""


def routes(workspace: Workspace) -> list[Route[Handler]]:
    """`/runs…`, `/approvals`."""
    engine = workspace.engine
    store = engine.backend.workflow

    async def runs(request: ApiRequest) -> Any:
        cursor, limit = request.text("cursor"), request.limit
        found = await store.runs(
            status=request.choice("status", _STATUSES),  # type: ignore[arg-type]  # one of them, or None
            step=request.text("step"),
            before=None if cursor is None else _place(cursor),
            limit=limit + 1,
        )
        page = found[:limit]
        following = _cursor(page[-1]) if len(found) > limit else None
        return page_of([run_document(run) for run in page], following)

    async def run(request: ApiRequest) -> Any:
        return await _detail(await _chosen(request))

    async def retry(request: ApiRequest) -> Any:
        summary = await _chosen(request)
        given = request.fields() if request.body is not None else {}
        since = given.get("from")
        if since is not None and not isinstance(since, str):
            raise invalid("body.from", "a name of the run's journal", since)
        again = RetryRun(summary.id, since, now_ms=engine.clock.now_ms())
        (anew,) = await engine.backend.commit(Batch((again,)))
        request.acted_on("run.retry", id=request.params["id"], step=summary.id.step, since=since)
        return {"anew": sorted(name for name in anew if not name.startswith("$"))}

    async def approvals(request: ApiRequest) -> Any:
        return page_of(await engine.approvals.open_ones(request.limit))

    async def signal(request: ApiRequest) -> Any:
        given = request.fields("name")
        if not isinstance(given["name"], str):
            raise invalid("body.name", "a text", given["name"])
        message_id = parse_run_id(request.params["id"])
        runs, stored = await store.of_message(message_id), await engine.backend.queue.messages(message_id)
        may_be_signalled(runs, request.params["id"], is_stored=bool(stored))
        woken = await engine.signal(request.params["id"], given["name"], given.get("data"))
        request.acted_on("run.signal", id=request.params["id"], name=given["name"])
        return {"woken": woken}

    async def cancel(request: ApiRequest) -> Any:
        summary = still_open(await _chosen(request))
        given = request.fields() if request.body is not None else {}
        undo = given.get("undo", True)
        if not isinstance(undo, bool):
            raise invalid("body.undo", "true or false", undo)
        queue = QueueName(summary.topic, summary.id.step)
        ended = await engine.interventions.cancel([summary.id.message_id], queue, undo=undo)
        request.acted_on("run.cancel", id=request.params["id"], step=summary.id.step, undo=undo)
        return {"cancelled": len(ended), "undone": not ended or any(one.undoes for one in ended)}

    async def _chosen(request: ApiRequest) -> RunSummary:
        run_id = request.params["id"]
        return chosen(await store.of_message(parse_run_id(run_id)), run_id, request.text("step"))

    async def _detail(summary: RunSummary) -> dict[str, Any]:
        entries = await store.journal(summary.id)
        detail = run_detail(
            summary, entries, engine.approvals.links, now_ms=workspace.now_ms(), value_bytes=_VALUE_BYTES
        )
        inputs = inputs_of(await workspace.traces.trace(summary.trace.trace_id), summary)
        for entry in detail["journal"]:
            entry["input"] = inputs.get(entry["name"])
        return detail

    return [
        Route("GET", "/approvals", approvals),
        Route("GET", "/runs", runs),
        Route("GET", "/runs/:id", run),
        Route("POST", "/runs/:id/cancel", cancel),
        Route("POST", "/runs/:id/retry", retry),
        Route("POST", "/runs/:id/signal", signal),
    ]


def inputs_of(trace: Trace | None, run: RunSummary) -> dict[str, Any]:
    """What the steps of a run were given, by their names in its journal, as far as its trace tells."""
    spans = () if trace is None else trace.spans
    own = [span for span in spans if _attribute(span, "message_id") == run.id.message_id.hex()]
    own = [span for span in own if span.name == run.id.step]
    found: dict[str, Any] = {}
    for span in own:
        found |= _attribute(span, "given", {})
    ids = {span.span_id for span in own}
    calls: Counter[str] = Counter()
    called = set()
    for span in spans:
        message = _attribute(span, "message_id")
        if span.parent_id in ids and span.kind not in PARTS and message not in called:
            # A called step may run several times; of several calls of one step the later ones have a number.
            called.add(message)
            calls[span.name] += 1
            number = calls[span.name]
            name = f"call {span.name}" if number == 1 else f"call {span.name}#{number}"
            found.setdefault(name, _attribute(span, "input"))
    return found


def _attribute(span: SpanRecord, name: str, missing: Any = None) -> Any:
    return (span.attributes or {}).get(name, missing)


def _cursor(run: RunSummary) -> str:
    return f"{format_id(run.id.message_id)}:{run.id.step}"


def _place(cursor: str) -> RunId:
    id_, _, step = cursor.partition(":")
    try:
        return RunId(parse_id(id_), step)
    except ValueError as error:
        raise invalid("cursor", "what an earlier answer gave as next", cursor) from error
