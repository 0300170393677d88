"""`motia traces`"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer

from motia.cli.options import HERE, AsJson, Flow, ProjectDir, Since, Text
from motia.cli.output import (
    EXIT_FAILED,
    note,
    note_limit,
    print_json,
    print_line,
    print_table,
    time_text,
    visible,
)
from motia.cli.project import length_s, load_project, since_ms, steps_of_flow, with_traces
from motia.cli.unknown import note_unknown
from motia.core.causes import headline
from motia.errors import MotiaError

if TYPE_CHECKING:
    from motia.settings.model import Settings
    from motia.tracing.record import LogRecord, SpanRecord
    from motia.tracing.store import Trace, TraceStore, TraceSummary

Kind = Literal["http", "queue", "cron", "state", "stream", "at", "manual"]
Status = Literal["ok", "refused", "cancelled", "timeout", "error", "crashed", "failed", "retried", "running"]
_ASKED_S = 3.0
"""A node that stands still must not keep its operator from the traces."""


def traces(
    trace_id: Annotated[str | None, typer.Argument(help="Id of one trace, to see all of it.")] = None,
    step: Annotated[str | None, typer.Option("--step", help="Only traces with this step.")] = None,
    status: Annotated[
        Status | None,
        typer.Option(
            "--status", help="Only traces that ended so; failed = any bad end, retried = well after all."
        ),
    ] = None,
    kind: Annotated[
        Kind | None, typer.Option("--kind", help="Only traces that this began.", show_default=False)
    ] = None,
    text: Text = None,
    since: Since = None,
    flow: Flow = None,
    longer: Annotated[
        str | None,
        typer.Option("--longer", help="Only traces that took longer: 500ms, 2s.", show_default=False),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Most traces to print.")] = 50,
    directory: ProjectDir = HERE,
    as_json: AsJson = False,
) -> None:
    """List what ran, the newest first, or show one trace with its steps and logs."""
    from motia.core.clock import SystemClock
    from motia.tracing.store import Trace, TraceQuery
    from motia.workbench.running import RunningTraces

    settings = load_project(directory).settings
    runs, now_ms = _running(settings), SystemClock().now_ms()
    if trace_id is not None:
        wanted = trace_id

        async def read_one(store: TraceStore) -> Trace | None:
            running, kept = RunningTraces(runs, store, now_ms), await store.trace(wanted)
            if kept is not None:
                return replace(kept, summary=running.of(kept.summary))
            begun = running.begun(wanted)
            return None if begun is None else Trace(summary=begun, spans=(), logs=())

        of_it = [run for run in runs if run["trace_id"] == wanted]
        _show(with_traces(settings, read_one), wanted, of_it, as_json)
        return

    query = TraceQuery(
        step=step,
        any_step=steps_of_flow(settings, flow),
        status=status,
        kind=kind,
        text=text,
        since_ms=since_ms(since),
        min_us=None if longer is None else round(length_s(longer) * 1e6),
        limit=limit,
    )

    async def read_list(store: TraceStore) -> list[TraceSummary]:
        found = await store.traces(query)
        return (await RunningTraces(runs, store, now_ms).on_first_page(found, query))[:limit]

    found = with_traces(settings, read_list)
    if as_json:
        print_json([_summary_document(summary) for summary in found])
    else:
        print_table(
            ("TRACE", "STARTED", "STEP", "KIND", "STATUS", "DURATION", "SPANS", "ERROR"),
            (
                (
                    summary.trace_id,
                    time_text(summary.started_at_ms),
                    summary.name,
                    summary.kind,
                    _status_text(summary),
                    duration_text((summary.ended_at_ms - summary.started_at_ms) * 1000),
                    summary.spans,
                    headline(summary.error or ""),
                )
                for summary in found
            ),
        )
    note_limit(len(found), limit)
    if not found:
        note_unknown(settings, step=step)


def _running(settings: Settings) -> Sequence[Mapping[str, Any]]:
    """What the running nodes tell that they run; the store knows only what has ended."""
    from motia.cli.control import post_to_node

    try:
        return cast("list[dict[str, Any]]", post_to_node(settings, "/running", {}, timeout_s=_ASKED_S))
    except MotiaError as error:
        if error.code != "node.not_running":
            note(f"what runs now is left out: {error.message}")
        return []


def _status_text(summary: TraceSummary) -> str:
    return f"{summary.status}, retried {summary.failures} ×" if summary.retried else summary.status


def duration_text(duration_us: float) -> str:
    """A duration in the unit that suits it."""
    if duration_us < 1_000:
        return f"{duration_us:.0f} µs"
    if duration_us < 1_000_000:
        return f"{duration_us / 1_000:.1f} ms"
    return f"{duration_us / 1_000_000:.2f} s"


def log_document(record: LogRecord) -> Mapping[str, Any]:
    """A log line as JSON."""
    from motia.encoding import decode

    return record._asdict() | {"data": None if record.data is None else decode(record.data)}


def _show(trace: Trace | None, trace_id: str, running: Sequence[Mapping[str, Any]], as_json: bool) -> None:
    if trace is None:
        if as_json:
            print_json(None)
        note(f"traces: no trace {trace_id!r}; `motia traces` prints the ids")
        raise typer.Exit(EXIT_FAILED)
    if as_json:
        print_json(
            _summary_document(trace.summary)
            | {
                "spans": [span._asdict() for span in trace.spans],
                "spans_left_out": trace.left_out,
                "logs": [log_document(line) for line in trace.logs],
                "running": running,
            }
        )
        return
    from motia.tracing.console import readable_line

    print_line(
        f"trace {trace.summary.trace_id}  {_status_text(trace.summary)}"
        f"  {time_text(trace.summary.started_at_ms)}"
    )
    for depth, span in _as_tree(trace):
        print_line("  " * (depth + 1) + _span_line(span))
    for run in running:
        told = f"  {run['step']} ({run['kind']})  running since {time_text(run['started_ms'])}"
        print_line(visible(told if run["attempt"] == 1 else f"{told}  attempt {run['attempt']}"))
    if trace.left_out:
        print_line(f"  … {trace.left_out} more")
    for line in trace.logs:
        print_line(readable_line(line))


def _as_tree(trace: Trace) -> list[tuple[int, SpanRecord]]:
    children: dict[str | None, list[SpanRecord]] = {}
    known = {span.span_id for span in trace.spans}
    for span in trace.spans:
        # The parent of an entry is outside; that of others may have been dropped or still run.
        parent = span.parent_id if span.parent_id in known and span.parent_id != span.span_id else None
        children.setdefault(parent, []).append(span)
    lines: list[tuple[int, SpanRecord]] = []
    # A stack and not a recursion: a chain of steps may be longer than the interpreter's limit.
    waiting = [(0, span) for span in reversed(children.get(None, []))]
    while waiting:
        depth, span = waiting.pop()
        lines.append((depth, span))
        waiting += [(depth + 1, child) for child in reversed(children.pop(span.span_id, []))]
    return lines


def _span_line(span: SpanRecord) -> str:
    parts = [f"{span.name} ({span.kind})", span.status, duration_text(span.duration_us)]
    if span.queue_wait_us:
        parts.append(f"waited {duration_text(span.queue_wait_us)}")
    if span.attempt > 1:
        parts.append(f"attempt {span.attempt}")
    used = span.attributes or {}
    if "gen_ai.usage.input_tokens" in used:
        parts.append(f"{used['gen_ai.usage.input_tokens']} + {used['gen_ai.usage.output_tokens']} tokens")
    if "operation.cost" in used:
        parts.append(f"${used['operation.cost']:.6f}")
    if span.error:
        parts.append(headline(str(span.error.get("message", ""))))
    return visible("  ".join(parts))


def _summary_document(summary: TraceSummary) -> dict[str, Any]:
    import dataclasses

    return {
        field.name: getattr(summary, field.name)
        for field in dataclasses.fields(summary)
        if field.name != "position"
    }
