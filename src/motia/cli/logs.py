"""`motia logs`"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from motia.cli.options import HERE, AsJson, Flow, ProjectDir, Since, Text
from motia.cli.output import note_limit, print_json, print_line
from motia.cli.project import load_project, since_ms, steps_of_flow, with_traces
from motia.cli.traces import log_document
from motia.cli.unknown import note_unknown

if TYPE_CHECKING:
    from motia.core.clock import Clock
    from motia.tracing.store import LogEntry, LogQuery, TraceStore

Level = Literal["debug", "info", "warning", "error", "critical"]
# The lines are written by other processes, in batches of at most 100 ms.
_LOOK_AGAIN_S = 0.25
_PAGE = 1000


def logs(
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on printing; one JSON a line.")] = False,
    level: Annotated[Level | None, typer.Option("--level", help="This level or worse.")] = None,
    step: Annotated[str | None, typer.Option("--step", help="Only logs of this step.")] = None,
    trace: Annotated[str | None, typer.Option("--trace", help="Only logs of this trace.")] = None,
    text: Text = None,
    since: Since = None,
    flow: Flow = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Most lines of the past to print.")] = 200,
    directory: ProjectDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Print what steps logged, the newest last."""
    from motia.core.clock import SystemClock
    from motia.tracing.store import LogQuery

    settings = load_project(directory).settings
    query = LogQuery(
        level=level,
        step=step,
        any_step=steps_of_flow(settings, flow),
        trace_id=trace,
        text=text,
        since_ms=since_ms(since),
        limit=limit,
    )

    async def read(store: TraceStore) -> bool:
        found = await store.logs(query)
        if as_json and not follow:
            print_json([log_document(entry.record) for entry in found])
        else:
            _print(found, as_json)
        note_limit(len(found), limit)
        if follow:
            await follow_logs(store, query, found[-1].position if found else 0, as_json, SystemClock())
        return bool(found)

    if not with_traces(settings, read):
        note_unknown(settings, step=step)


async def follow_logs(store: TraceStore, query: LogQuery, after: int, as_json: bool, clock: Clock) -> None:
    """Print what comes after the position `after`, until cancelled."""
    import dataclasses

    while True:
        found = await store.logs(dataclasses.replace(query, after=after, limit=_PAGE))
        _print(found, as_json)
        if found:
            after = found[-1].position
        if len(found) < _PAGE:
            await clock.sleep(_LOOK_AGAIN_S)


def _print(found: Sequence[LogEntry], as_json: bool) -> None:
    from motia.tracing.console import readable_line

    for entry in found:
        if as_json:
            print_json(log_document(entry.record))
        else:
            print_line(readable_line(entry.record))
    sys.stdout.flush()
