"""The reads of runs and their journals."""

from __future__ import annotations

import asyncio
from typing import Any

import apsw

from motia.backends.sqlite.queue import unpack_trace
from motia.backends.sqlite.reads import Reader
from motia.backends.sqlite.schema import SCHEDULED
from motia.core.message import MessageId
from motia.core.workflow import (
    APPROVAL_TOPIC,
    HELD_MARKER,
    JournalEntry,
    RunId,
    RunStatus,
    RunSummary,
)

_ENTRY = "name, kind, status, at, version, value, error, attempts, due_at, mail_id"
_RUN = (
    "SELECT r.id, r.step, r.topic, r.status, r.started_at, r.ended_at,"
    " CASE d.state WHEN 1 THEN d.due_at END, r.trace, r.error, r.output, r.input,"
    " d.state, h.at, h.error, (SELECT count(*) FROM journal j WHERE j.id = r.id AND j.step = r.step)"
    " FROM runs r LEFT JOIN queues q ON q.topic = r.topic AND q.step = r.step"
    " LEFT JOIN deliveries d ON d.id = r.id AND d.queue = q.id AND r.ended_at IS NULL"
    f" LEFT JOIN journal h ON h.id = r.id AND h.step = r.step AND h.name = '{HELD_MARKER}'"
    " AND h.status = 'waiting' AND r.ended_at IS NULL"
)


def journal_of(connection: apsw.Connection, run: RunId) -> list[JournalEntry]:
    """What a run did, in order."""
    rows = connection.execute(
        f"SELECT {_ENTRY} FROM journal WHERE id = ? AND step = ? ORDER BY position", run
    )
    return [_entry_of(row) for row in rows]


class SqliteWorkflowStore:
    """`WorkflowStore` over SQLite."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def journal(self, run: RunId) -> asyncio.Future[list[JournalEntry]]:
        return self._reader.now(lambda connection: journal_of(connection, run))

    def run(self, run: RunId) -> asyncio.Future[RunSummary | None]:
        def read(connection: apsw.Connection) -> RunSummary | None:
            row = connection.execute(f"{_RUN} WHERE r.id = ? AND r.step = ?", run).fetchone()
            return None if row is None else _summary_of(row)

        return self._reader.now(read)

    def approvals(self, now_ms: int, *, limit: int = 100) -> asyncio.Future[list[tuple[RunId, JournalEntry]]]:
        def read(connection: apsw.Connection) -> list[tuple[RunId, JournalEntry]]:
            columns = ", ".join(f"j.{name}" for name in _ENTRY.split(", "))
            rows: Any = connection.execute(
                f"SELECT w.id, w.step, {columns} FROM waits w"
                " JOIN journal j ON j.id = w.id AND j.step = w.step AND j.name = w.name"
                " WHERE w.topic = ? AND j.due_at > ? ORDER BY w.id, w.step, j.position LIMIT ?",
                (APPROVAL_TOPIC, now_ms, limit),
            )
            return [(RunId(id_, step), _entry_of(entry)) for id_, step, *entry in rows]

        return self._reader.scan(read)

    def of_message(self, message_id: MessageId) -> asyncio.Future[list[RunSummary]]:
        def read(connection: apsw.Connection) -> list[RunSummary]:
            rows = connection.execute(f"{_RUN} WHERE r.id = ? ORDER BY r.step", (message_id,))
            return [_summary_of(row) for row in rows]

        return self._reader.now(read)

    def runs(
        self,
        *,
        status: RunStatus | None = None,
        step: str | None = None,
        before: RunId | None = None,
        limit: int = 100,
    ) -> asyncio.Future[list[RunSummary]]:
        def read(connection: apsw.Connection) -> list[RunSummary]:
            where, values = ["1"], list[Any]()
            if status in ("running", "suspended", "held"):
                where.append(f"r.ended_at IS NULL AND coalesce(d.state = 1, 0) = {int(status != 'running')}")
                if status != "running":
                    where.append(f"(h.at IS NOT NULL) = {int(status == 'held')}")
            elif status is not None:
                where.append("r.status = ?")
                values.append(status)
            if step is not None:
                where.append("r.step = ?")
                values.append(step)
            if before is not None:
                where.append("(r.id, r.step) < (?, ?)")
                values += before
            query = f"{_RUN} WHERE {' AND '.join(where)} ORDER BY r.id DESC, r.step DESC LIMIT ?"
            return [_summary_of(row) for row in connection.execute(query, (*values, limit))]

        return self._reader.scan(read)


def _entry_of(row: Any) -> JournalEntry:
    name, kind, status, at_ms, version, value, error, attempts, due_at_ms, mail_id = row
    return JournalEntry(
        name=name,
        kind=kind,
        status=status,
        at_ms=at_ms,
        version=version,
        value=value,
        error=error,
        attempts=attempts,
        due_at_ms=due_at_ms,
        mail_id=mail_id,
    )


def _summary_of(row: Any) -> RunSummary:
    (
        id_,
        step,
        topic,
        status,
        started,
        ended,
        due,
        trace,
        error,
        output,
        given,
        state,
        held_at,
        held,
        entries,
    ) = row
    marker = None
    if held_at is not None and state == SCHEDULED:
        marker = JournalEntry(name=HELD_MARKER, kind="marker", status="waiting", at_ms=held_at, error=held)
    if ended is None and state == SCHEDULED:
        status = "suspended" if marker is None else "held"
    return RunSummary(
        id=RunId(id_, step),
        topic=topic,
        status=status,
        held=marker,
        started_at_ms=started,
        ended_at_ms=ended,
        due_at_ms=due,
        trace=unpack_trace(trace),
        entries=entries,
        error=error,
        output=output,
        input=given,
    )
