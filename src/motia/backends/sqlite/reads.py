"""The reads of queues, state and schedules: point reads on the loop, scans in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import apsw

from motia.backends.sqlite.connection import translated
from motia.backends.sqlite.queue import unpack_trace
from motia.core.message import DeadLetter, NodeId, QueueDepth, QueueName, ScheduledMessage
from motia.state.store import StateEntry

T = TypeVar("T")


class Reader:
    """Two read connections: `point` belongs to the loop's thread, the other to a thread for scans."""

    def __init__(self, path: Path, open_connection: Callable[[], apsw.Connection]) -> None:
        self._path = path
        self.point = open_connection()
        self._loop = asyncio.get_running_loop()
        self._scans = ThreadPoolExecutor(1, thread_name_prefix="motia-reader")
        self._open_connection = open_connection
        self._scan_connection: apsw.Connection | None = None

    def now(self, read: Callable[[apsw.Connection], T]) -> asyncio.Future[T]:
        """Run a read of a few microseconds here; the future is already done."""
        future: asyncio.Future[T] = self._loop.create_future()
        try:
            future.set_result(read(self.point))
        except apsw.Error as error:
            failure = translated(error, self._path)
            failure.__cause__ = error
            future.set_exception(failure)
        return future

    def scan(self, read: Callable[[apsw.Connection], T]) -> asyncio.Future[T]:
        """Run a read that may be long in the thread for scans."""
        return asyncio.ensure_future(self._loop.run_in_executor(self._scans, self._with_scans, read))

    def _with_scans(self, read: Callable[[apsw.Connection], T]) -> T:
        if self._scan_connection is None:
            self._scan_connection = self._open_connection()
        try:
            return read(self._scan_connection)
        except apsw.Error as error:
            raise translated(error, self._path) from error

    async def close(self) -> None:
        if self._scan_connection is not None:
            await self._loop.run_in_executor(self._scans, self._scan_connection.close)
        self._scans.shutdown(wait=True)
        self.point.close()


class SqliteQueueStore:
    """`QueueStore` over SQLite."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def depths(self) -> asyncio.Future[list[QueueDepth]]:
        return self._reader.scan(_depths)

    def dead_letters(
        self, queue: QueueName | None = None, *, limit: int = 100, before_seq: int | None = None
    ) -> asyncio.Future[list[DeadLetter]]:
        def read(connection: apsw.Connection) -> list[DeadLetter]:
            where, values = "1", list[Any]()
            if queue is not None:
                where += " AND q.topic = ? AND q.step = ?"
                values += queue
            if before_seq is not None:
                where += " AND d.seq < ?"
                values.append(before_seq)
            rows = connection.execute(
                "SELECT d.seq, d.id, q.topic, q.step, d.payload, d.code, d.error, d.errors, d.failures,"
                " d.crashes, d.enqueued_at, d.died_at, d.trace, d.group_key, d.attributes"
                f" FROM dead_letters d JOIN queues q ON q.id = d.queue WHERE {where}"
                " ORDER BY d.seq DESC LIMIT ?",
                (*values, limit),
            )
            return [_dead_letter(row) for row in rows]

        return self._reader.scan(read)

    def scheduled(self, *, limit: int = 100) -> asyncio.Future[list[ScheduledMessage]]:
        return self._reader.scan(
            lambda connection: [
                ScheduledMessage(
                    id=id_,
                    queue=QueueName(topic, step),
                    due_at_ms=due_at,
                    failures=failures,
                    trace=unpack_trace(trace),
                )
                for id_, topic, step, due_at, failures, trace in connection.execute(
                    "SELECT d.id, q.topic, q.step, d.due_at, d.failures, d.trace FROM deliveries d"
                    " JOIN queues q ON q.id = d.queue WHERE d.state = 1 ORDER BY d.due_at LIMIT ?",
                    (limit,),
                )
            ]
        )

    def next_due_at_ms(self) -> asyncio.Future[int | None]:
        return self._reader.now(
            lambda connection: (
                connection.execute(
                    "SELECT min(at) FROM (SELECT min(due_at) AS at FROM deliveries WHERE state = 1"
                    " UNION ALL SELECT min(wake_at) FROM rates WHERE wake_at IS NOT NULL)"
                ).get
            )
        )

    def nodes(self) -> asyncio.Future[Sequence[tuple[NodeId, int, str]]]:
        return self._reader.now(
            lambda connection: [
                (id_, pid, lock_path)
                for id_, pid, lock_path in connection.execute("SELECT id, pid, lock_path FROM nodes")
            ]
        )


class SqliteStateStore:
    """`StateStore` over SQLite."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def get(self, scope: str, key: str, now_ms: int) -> asyncio.Future[StateEntry | None]:
        def read(connection: apsw.Connection) -> StateEntry | None:
            row = connection.execute(
                "SELECT key, value, version, expires_at FROM state WHERE scope = ? AND key = ?", (scope, key)
            ).fetchone()
            if row is None or (row[3] is not None and row[3] <= now_ms):
                return None
            return StateEntry(*row)

        return self._reader.now(read)

    def entries(
        self, scope: str, now_ms: int, *, limit: int | None = None, after_key: str | None = None
    ) -> asyncio.Future[list[StateEntry]]:
        return self._reader.scan(
            lambda connection: [
                StateEntry(*row)
                for row in connection.execute(
                    "SELECT key, value, version, expires_at FROM state WHERE scope = ?"
                    " AND (expires_at IS NULL OR expires_at > ?) AND (?3 IS NULL OR key > ?3)"
                    " ORDER BY key LIMIT ?",
                    (scope, now_ms, after_key, -1 if limit is None else limit),
                )
            ]
        )

    def scopes(
        self, now_ms: int, *, limit: int = 1000, after: str | None = None
    ) -> asyncio.Future[list[str]]:
        return self._reader.scan(
            lambda connection: [
                scope
                for (scope,) in connection.execute(
                    "SELECT DISTINCT scope FROM state WHERE (expires_at IS NULL OR expires_at > ?)"
                    " AND (?2 IS NULL OR scope > ?2) ORDER BY scope LIMIT ?",
                    (now_ms, after, limit),
                )
            ]
        )


class SqliteScheduleStore:
    """`ScheduleStore` over SQLite."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def marks(self) -> asyncio.Future[Mapping[str, int]]:
        return self._reader.now(
            lambda connection: dict(connection.execute("SELECT key, fired_at FROM schedules"))
        )


def _depths(connection: apsw.Connection) -> list[QueueDepth]:
    names = {
        id_: QueueName(topic, step)
        for id_, topic, step in connection.execute("SELECT id, topic, step FROM queues")
    }
    counts: dict[int, dict[str, Any]] = {id_: {} for id_ in names}
    fields = ("ready", "scheduled", "blocked", "claimed", "limited", "limited")
    for queue, state, count, oldest in connection.execute(
        "SELECT queue, state, count(*), min(enqueued_at) FROM deliveries GROUP BY queue, state"
    ):
        counts[queue][fields[state]] = counts[queue].get(fields[state], 0) + count
        if state == 0:
            counts[queue]["oldest_ready_at_ms"] = oldest
    for queue, count in connection.execute("SELECT queue, count(*) FROM dead_letters GROUP BY queue"):
        counts[queue]["dead"] = count
    return [QueueDepth(queue=names[id_], **found) for id_, found in sorted(counts.items())]


def _dead_letter(row: Sequence[Any]) -> DeadLetter:
    return DeadLetter(
        seq=row[0],
        id=row[1],
        queue=QueueName(row[2], row[3]),
        payload=row[4],
        code=row[5],
        error=row[6],
        errors=row[7] or b"",
        failures=row[8],
        crashes=row[9],
        enqueued_at_ms=row[10],
        died_at_ms=row[11],
        trace=unpack_trace(row[12]),
        group=row[13],
        attributes=row[14] or b"",
    )
