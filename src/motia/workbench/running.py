"""What runs now, and the traces it belongs to: the trace store knows only what has ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from motia.tracing.store import TraceQuery, TraceStore, TraceSummary

_MOST_TRACES = 200
"""Of more that run at one time, the shortest running are listed once they have ended."""


class RunningTraces:
    """The traces of which something runs at this moment."""

    def __init__(self, running: Iterable[Mapping[str, Any]], traces: TraceStore, now_ms: int) -> None:
        """`running`: as `running_documents` tells it."""
        self._traces, self._now_ms = traces, now_ms
        self._runs: dict[str, list[Mapping[str, Any]]] = {}
        for run in running:
            if run["trace_id"] in self._runs or len(self._runs) < _MOST_TRACES:
                self._runs.setdefault(run["trace_id"], []).append(run)

    @property
    def trace_ids(self) -> set[str]:
        return {*self._runs}

    def of(self, summary: TraceSummary) -> TraceSummary:
        """A trace as it stands now: `running` if something of it runs and nothing of it has failed."""
        runs = self._runs.get(summary.trace_id)
        if runs is None or summary.failed:
            return summary
        steps = dict.fromkeys([*summary.steps, *(run["step"] for run in runs)])
        now_ms = max(summary.ended_at_ms, self._now_ms)
        return replace(summary, status="running", steps=tuple(steps), ended_at_ms=now_ms)

    def begun(self, trace_id: str) -> TraceSummary | None:
        """A trace of which nothing is kept yet; None where nothing of it runs."""
        if trace_id not in self._runs:
            return None
        first = self._runs[trace_id][0]
        began = TraceSummary(
            trace_id=trace_id,
            name=first["step"],
            kind=first["kind"],
            status="running",
            started_at_ms=first["started_ms"],
            ended_at_ms=first["started_ms"],
            spans=0,
            failures=0,
            steps=(),
            error=None,
            position=0,
        )
        return self.of(began)

    async def summaries(self, trace_ids: Iterable[str]) -> list[TraceSummary]:
        """Those of these that are kept or run, as they stand now."""
        wanted = tuple(trace_ids)
        if not wanted:
            return []
        query = TraceQuery(trace_ids=wanted, limit=len(wanted))
        kept = [self.of(summary) for summary in await self._traces.traces(query)]
        unseen = {*wanted}.difference(summary.trace_id for summary in kept)
        return kept + [begun for trace_id in unseen if (begun := self.begun(trace_id)) is not None]

    async def on_first_page(self, found: Sequence[TraceSummary], query: TraceQuery) -> list[TraceSummary]:
        """The first page of a list, found by what has ended, as it is by what runs too."""
        if not self._runs:
            return [*found]
        running = [now for now in await self.summaries(self._runs) if query.finds(now)]
        ended = [summary for summary in found if summary.trace_id not in self._runs]
        return sorted([*running, *ended], key=lambda summary: -summary.started_at_ms)
