"""The live channel: one event stream a page, driven by what all nodes wrote and resumable by its cursor.

It follows positions of the trace store and not what happens in this process: so it goes on where it broke
off, on another node and after a restart, and costs nothing while nobody looks.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from motia.engine.running import running_documents
from motia.http import sse
from motia.tracing.store import Feed, LogQuery
from motia.workbench.api.project import registry_version
from motia.workbench.api.queue import queue_documents
from motia.workbench.api.tracing import line_document, summary_document
from motia.workbench.state_watch import StateWatch
from motia.workbench.workspace import Workspace

TOPICS = ("traces", "logs", "activity", "queues", "states", "streams")
LOOK_S = 0.1
_QUEUES_S = 1.0
_KEEP_ALIVE_S = 15.0
_TRACES = 200
_LINES = 500
_LINES_BEHIND = 5_000
_CHANGES = 1_000
_CURSOR = re.compile(r"([0-9]{1,18})\.([0-9]{1,18})\.([0-9]{1,18})\.([0-9]{1,18})")


class LiveChannel:
    """One page's stream of events: `async for chunk in channel.events()`."""

    def __init__(
        self, workspace: Workspace, topics: frozenset[str], lines: LogQuery, cursor: str | None
    ) -> None:
        self._workspace = workspace
        self._topics = topics
        self._lines = lines
        self._feed_at, self._line_at, self._change_at, state_at = _positions(cursor)
        self._states = StateWatch(workspace.engine.backend, workspace.engine.clock, state_at or 0)
        self._queues: dict[tuple[str, str], dict[str, Any]] = {}
        self._running: dict[str, int] = {}
        self._ran: set[str] = set()
        """Traces of which something ran at the last look."""
        self._told_running: set[str] = set()

    async def events(self) -> AsyncGenerator[bytes, None]:
        """The event stream, until the client goes or the node drains."""
        workspace = self._workspace
        clock = workspace.engine.clock
        lost = await self._begin()
        if "queues" in self._topics:
            await self._changed_queues()
        yield self._event("hello", self._place() | {"read_only": workspace.settings.workbench.read_only})
        if lost:
            yield self._event("resync", {"topics": lost})
        sent_s = queues_s = clock.monotonic_s()
        while not workspace.closing.is_set():
            before = self._cursor
            found = await self._look()
            if "queues" in self._topics and clock.monotonic_s() - queues_s >= _QUEUES_S:
                queues_s = clock.monotonic_s()
                if changed := await self._changed_queues():
                    found.append(("queues", {"items": changed}))
            for number, (name, data) in enumerate(found, 1):
                # Whoever breaks off between two events of one look gets all of it again.
                yield self._event(name, data, self._cursor if number == len(found) else before)
            if found:
                sent_s = clock.monotonic_s()
            elif clock.monotonic_s() - sent_s >= _KEEP_ALIVE_S:
                sent_s = clock.monotonic_s()
                yield sse.KEEP_ALIVE
            await clock.sleep(LOOK_S)
        yield self._event("bye", {})

    def _place(self) -> dict[str, Any]:
        workspace = self._workspace
        return {
            "boot_id": workspace.boot_id,
            "registry_version": registry_version(workspace.registry),
            "mode": workspace.settings.mode,
        }

    @property
    def _cursor(self) -> str:
        return f"{self._feed_at}.{self._line_at}.{self._change_at}.{self._states.position}"

    def _event(self, name: str, data: Mapping[str, Any], cursor: str | None = None) -> bytes:
        return sse.event_bytes({"event": name, "id": cursor or self._cursor, "data": data})

    async def _begin(self) -> list[str]:
        """Find the positions to go on from; the topics of which something was lost since the cursor."""
        traces = self._workspace.traces
        lost: list[str] = []
        feed = await traces.feed(self._feed_at, limit=1)
        if self._feed_at is None or feed.lost:
            if feed.lost:
                lost += [topic for topic in ("traces", "activity") if topic in self._topics]
            self._feed_at = feed.position
        newest = await self._newest_line()
        if self._line_at is None or not newest - _LINES_BEHIND <= self._line_at <= newest:
            if self._line_at is not None and "logs" in self._topics:
                lost.append("logs")
            self._line_at = newest
        last_change = await self._workspace.engine.backend.streams.last_seq()
        if self._change_at is None or self._change_at > last_change:
            if self._change_at is not None and "streams" in self._topics:
                lost.append("streams")
            self._change_at = last_change
        if "states" in self._topics and not await self._states.begin():
            lost.append("states")
        return lost

    async def _look(self) -> list[tuple[str, dict[str, Any]]]:
        """What came since the last look."""
        found: list[tuple[str, dict[str, Any]]] = []
        if self._topics & {"traces", "activity"}:
            feed = await self._workspace.traces.feed(self._feed_at)
            self._feed_at = feed.position
            if feed.lost:
                return [("resync", {"topics": ["traces", "activity"]})]
            if "traces" in self._topics and (changed := await self._changed_traces(feed)):
                found.append(("traces", changed))
            if "activity" in self._topics and (activity := self._activity(feed)):
                found.append(("activity", activity))
        if "logs" in self._topics and (lines := await self._new_lines()):
            found.append(("logs", lines))
        if "streams" in self._topics:
            items = await self._stream_changes()
            if items is None:
                found.append(("resync", {"topics": ["streams"]}))
            elif items:
                found.append(("streams", {"items": items}))
        if "states" in self._topics:
            items = await self._states.changes()
            if items is None:
                found.append(("resync", {"topics": ["states"]}))
            elif items:
                found.append(("states", {"items": items}))
        return found

    async def _stream_changes(self) -> list[dict[str, Any]] | None:
        """None where lines were trimmed before this look."""
        assert self._change_at is not None
        streams = self._workspace.engine.backend.streams
        changes = await streams.changes(self._change_at, limit=_CHANGES)
        if changes is None:
            self._change_at = await streams.last_seq()
            return None
        if changes:
            self._change_at = changes[-1].seq
        return [
            {
                "stream": change.stream,
                "group_id": change.group,
                "id": change.id,
                "change": change.kind,
                "version": change.version,
            }
            for change in changes
        ]

    async def _changed_traces(self, feed: Feed) -> dict[str, Any] | None:
        touched = sorted({position for note in feed.notes for position in note.traces}, reverse=True)
        running = self._workspace.running_traces()
        ids = running.trace_ids
        # What ends within a look is not told to run: a busy page would hear of everything twice.
        begun = (ids & self._ran) - self._told_running
        ended = self._told_running - ids
        self._ran = ids
        if not touched and not begun and not ended:
            return None
        found = await self._workspace.traces.traces_at(touched[:_TRACES]) if touched else []
        items = {summary.trace_id: running.of(summary) for summary in found}
        also = await running.summaries((begun | ended) - items.keys())
        items |= {summary.trace_id: summary for summary in also}
        self._told_running = {*self._told_running - ended, *begun, *(items.keys() & ids)}
        return {
            "items": [summary_document(summary) for summary in items.values()],
            "skipped": max(0, len(touched) - _TRACES),
        }

    def _activity(self, feed: Feed) -> dict[str, Any] | None:
        steps: dict[str, dict[str, int]] = {}
        edges: dict[tuple[str, str, str], dict[str, Any]] = {}
        for note in feed.notes:
            for step, (runs, failures) in note.steps.items():
                count = steps.setdefault(step, {"runs": 0, "failures": 0})
                count["runs"] += runs
                count["failures"] += failures
            for source, topic, target, runs, failures in note.edges:
                edge = edges.setdefault(
                    (source, topic, target),
                    {"source": source, "topic": topic, "target": target, "runs": 0, "failures": 0},
                )
                edge["runs"] += runs
                edge["failures"] += failures
        running: dict[str, int] = {}
        for run in running_documents(self._workspace.engine):
            running[run["step"]] = running.get(run["step"], 0) + 1
        if not steps and running == self._running:
            return None
        self._running = running
        return {"steps": steps, "edges": list(edges.values()), "running": running}

    async def _new_lines(self) -> dict[str, Any] | None:
        newest = await self._newest_line()
        assert self._line_at is not None
        skipped = 0
        if newest - self._line_at > _LINES_BEHIND:
            skipped = newest - self._line_at - _LINES
            self._line_at += skipped
        if newest <= self._line_at:
            return None
        query = LogQuery(
            level=self._lines.level,
            step=self._lines.step,
            any_step=self._lines.any_step,
            trace_id=self._lines.trace_id,
            text=self._lines.text,
            after=self._line_at,
            limit=_LINES,
        )
        entries = await self._workspace.traces.logs(query)
        # A full page ends at its last line; a shorter one has looked at all there was.
        self._line_at = entries[-1].position if len(entries) == _LINES else newest
        if entries:
            self._line_at = max(self._line_at, entries[-1].position)
        if not entries and not skipped:
            return None
        return {"items": [line_document(entry) for entry in entries], "skipped": skipped}

    async def _newest_line(self) -> int:
        entries = await self._workspace.traces.logs(LogQuery(limit=1))
        return entries[-1].position if entries else 0

    async def _changed_queues(self) -> list[dict[str, Any]]:
        found = {(queue["topic"], queue["step"]): queue for queue in await queue_documents(self._workspace)}
        before, self._queues = self._queues, found
        return [queue for name, queue in found.items() if before.get(name) != queue]


def _positions(cursor: str | None) -> tuple[int | None, int | None, int | None, int | None]:
    """The positions in a cursor; None for one that is missing or not ours."""
    found = _CURSOR.fullmatch(cursor or "")
    if found is None:
        return None, None, None, None
    feed, line, change, state = (int(number) for number in found.groups())
    return feed, line, change, state
