"""The reads of queues: point reads on the loop, scans in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Literal

import apsw

from motia.backends.sqlite.claim_rows import COLUMNS, claim_of_row
from motia.backends.sqlite.queue import unpack_trace
from motia.backends.sqlite.queue_dead_reads import dead_groups, dead_ids, dead_letters
from motia.backends.sqlite.reads import Reader
from motia.backends.sqlite.schema import BLOCKED, SCHEDULED
from motia.core.message import (
    BulkProgress,
    Claim,
    DeadLetter,
    MessageId,
    MessageStatus,
    NodeId,
    Pause,
    QueueDepth,
    QueuedPayload,
    QueueName,
    ScheduledMessage,
    StoredMessage,
)
from motia.queue.dead_letters import EVERY_LETTER, DeadGroup, DeadLetterQuery

_STATUSES: tuple[MessageStatus, ...] = ("ready", "scheduled", "blocked", "running", "limited", "limited")
_MESSAGE_COLUMNS = (
    "d.seq, d.id, q.topic, q.step, d.state, d.enqueued_at, d.trace, d.due_at, d.failures, d.crashes,"
    " d.group_key, d.rank, d.concurrency_key, d.rate_key, d.expires_at, d.claimed_by"
)
_DELIVERIES = f"SELECT {_MESSAGE_COLUMNS} FROM deliveries d JOIN queues q ON q.id = d.queue"
_OF_QUEUE = "d.queue = (SELECT id FROM queues WHERE topic = ? AND step = ?)"

# One statement: counts of different moments would not add up.
_BULKS = (
    "SELECT b.id, b.total, b.cancelled, b.started_at,"
    " (SELECT count(*) FROM deliveries d WHERE d.bulk = b.id AND d.state <> 3),"
    " (SELECT count(*) FROM deliveries d WHERE d.bulk = b.id AND d.state = 3),"
    " (SELECT count(*) FROM dead_letters d WHERE d.bulk = b.id)"
    " FROM bulks b"
)


class SqliteQueueStore:
    """`QueueStore` over SQLite."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def depths(self) -> asyncio.Future[list[QueueDepth]]:
        return self._reader.scan(_depths)

    def dead_letters(
        self, query: DeadLetterQuery = EVERY_LETTER, *, limit: int = 100, before_seq: int | None = None
    ) -> asyncio.Future[list[DeadLetter]]:
        return self._reader.scan(lambda connection: dead_letters(connection, query, limit, before_seq))

    def dead_groups(self, query: DeadLetterQuery = EVERY_LETTER) -> asyncio.Future[list[DeadGroup]]:
        return self._reader.scan(lambda connection: dead_groups(connection, query))

    def dead_ids(
        self, query: DeadLetterQuery = EVERY_LETTER
    ) -> asyncio.Future[list[tuple[QueueName, MessageId]]]:
        return self._reader.scan(lambda connection: dead_ids(connection, query))

    def scheduled(
        self, queue: QueueName | None = None, *, limit: int = 100
    ) -> asyncio.Future[list[ScheduledMessage]]:
        where = "" if queue is None else " AND q.topic = ? AND q.step = ?"
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
                    f" JOIN queues q ON q.id = d.queue WHERE d.state = 1{where} ORDER BY d.due_at LIMIT ?",
                    (*(queue or ()), limit),
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

    def messages(self, id_: MessageId) -> asyncio.Future[list[StoredMessage]]:
        def read(connection: apsw.Connection) -> list[StoredMessage]:
            waiting = connection.execute(f"{_DELIVERIES} WHERE d.id = ? ORDER BY d.seq", (id_,))
            dead: Any = connection.execute(
                "SELECT d.seq, d.id, q.topic, q.step, d.enqueued_at, d.trace, d.failures, d.crashes,"
                " d.group_key, d.code FROM dead_letters d JOIN queues q ON q.id = d.queue WHERE d.id = ?"
                " ORDER BY d.seq",
                (id_,),
            )
            return [_stored(row) for row in waiting] + [_stored_dead(row) for row in dead]

        return self._reader.now(read)

    def of_trace(self, trace_id: str, *, limit: int = 10_000) -> asyncio.Future[list[MessageId]]:
        return self._reader.scan(
            lambda connection: [
                id_
                for (id_,) in connection.execute(
                    "SELECT DISTINCT id FROM deliveries WHERE trace >= ? AND trace < ? LIMIT ?",
                    (trace_id, trace_id + "~", limit),
                )
            ]
        )

    def head_of_group(self, queue: QueueName, group: str) -> asyncio.Future[StoredMessage | None]:
        def read(connection: apsw.Connection) -> StoredMessage | None:
            row = connection.execute(
                f"{_DELIVERIES} WHERE {_OF_QUEUE} AND d.group_key = ? ORDER BY d.seq LIMIT 1", (*queue, group)
            ).fetchone()
            return None if row is None else _stored(row)

        return self._reader.now(read)

    def running(
        self, queue: QueueName, *, concurrency_key: str | None = None, limit: int = 100
    ) -> asyncio.Future[list[StoredMessage]]:
        key, values = "", list[Any](queue)
        if concurrency_key is not None:
            key = " AND d.concurrency_key = ?"
            values.append(concurrency_key)
        return self._reader.scan(
            lambda connection: [
                _stored(row)
                for row in connection.execute(
                    f"{_DELIVERIES} WHERE {_OF_QUEUE} AND d.state = 3{key} ORDER BY d.seq LIMIT ?",
                    (*values, limit),
                )
            ]
        )

    def undelivered(self, *, after_seq: int, limit: int) -> asyncio.Future[list[QueuedPayload]]:
        return self._reader.scan(
            lambda connection: [
                QueuedPayload(seq, id_, QueueName(topic, step), payload)
                for seq, id_, topic, step, payload in connection.execute(
                    "SELECT d.seq, d.id, q.topic, q.step, d.payload FROM deliveries d"
                    " JOIN queues q ON q.id = d.queue WHERE d.seq > ? ORDER BY d.seq LIMIT ?",
                    (after_seq, limit),
                )
            ]
        )

    def claims_of(self, node: NodeId, *, payloads: bool = False) -> asyncio.Future[list[Claim]]:
        columns = COLUMNS if payloads else COLUMNS.replace("d.payload", "x''")
        return self._reader.scan(
            lambda connection: [
                claim_of_row(row, QueueName(*row[-2:]))
                for row in connection.execute(
                    f"SELECT {columns}, q.topic, q.step FROM deliveries d JOIN queues q ON q.id = d.queue"
                    " WHERE d.state = 3 AND d.claimed_by = ? ORDER BY d.seq",
                    (node,),
                )
            ]
        )

    def ready_before(self, message: StoredMessage, *, limit: int = 10_000) -> asyncio.Future[int]:
        def read(connection: apsw.Connection) -> int:
            count: Any = connection.execute(
                "SELECT count(*) FROM (SELECT 1 FROM deliveries d"
                f" WHERE {_OF_QUEUE} AND d.state = 0 AND (d.rank, d.seq) < (?, ?) LIMIT ?)",
                (*message.queue, -message.priority, message.seq, limit),
            ).get
            return int(count)

        return self._reader.scan(read)

    def rate_free_at_ms(self, queue: QueueName, key: str) -> asyncio.Future[int | None]:
        return self._reader.now(
            lambda connection: (
                connection.execute(
                    f"SELECT d.wake_at FROM rates d WHERE {_OF_QUEUE} AND d.key = ?", (*queue, key)
                ).get
            )
        )

    def pauses(self) -> asyncio.Future[list[Pause]]:
        return self._reader.now(
            lambda connection: [
                Pause(topic=topic, step=step, since_ms=since_ms)
                for topic, step, since_ms in connection.execute(
                    "SELECT topic, step, since FROM pauses ORDER BY topic, step"
                )
            ]
        )

    def cancellations(self, node: NodeId) -> asyncio.Future[list[tuple[int, int]]]:
        return self._reader.now(
            lambda connection: [
                (seq, token)
                for seq, token in connection.execute(
                    "SELECT seq, token FROM cancellations WHERE node = ?", (node,)
                )
            ]
        )

    def bulk(self, bulk: bytes) -> asyncio.Future[BulkProgress | None]:
        def read(connection: apsw.Connection) -> BulkProgress | None:
            found = connection.execute(f"{_BULKS} WHERE b.id = ?", (bulk,)).fetchone()
            return None if found is None else _progress(found)

        return self._reader.scan(read)

    def bulks(self, *, limit: int = 20) -> asyncio.Future[list[tuple[bytes, BulkProgress]]]:
        def read(connection: apsw.Connection) -> list[tuple[bytes, BulkProgress]]:
            rows: list[Any] = connection.execute(
                f"{_BULKS} ORDER BY b.started_at DESC, b.id DESC LIMIT ?", (limit,)
            ).fetchall()
            return [(row[0], _progress(row)) for row in rows]

        return self._reader.scan(read)


def _progress(row: Any) -> BulkProgress:
    _, total, cancelled, started_at, waiting, running, dead = row
    return BulkProgress(
        total=total,
        waiting=waiting,
        running=running,
        dead=dead,
        cancelled=cancelled,
        started_at_ms=started_at,
    )


def _depths(connection: apsw.Connection) -> list[QueueDepth]:
    names = {
        id_: QueueName(topic, step)
        for id_, topic, step in connection.execute("SELECT id, topic, step FROM queues")
    }
    counts: dict[int, dict[str, Any]] = {id_: {} for id_ in names}
    fields = ("ready", "scheduled", "blocked", "claimed", "limited", "limited")
    for queue, state, count, oldest in connection.execute(
        "SELECT queue, state, count(*), min(max(enqueued_at, coalesce(due_at, 0))) FROM deliveries"
        " GROUP BY queue, state"
    ):
        counts[queue][fields[state]] = counts[queue].get(fields[state], 0) + count
        if state == 0:
            counts[queue]["oldest_ready_at_ms"] = oldest
    for queue, count in connection.execute("SELECT queue, count(*) FROM dead_letters GROUP BY queue"):
        counts[queue]["dead"] = count
    return [QueueDepth(queue=names[id_], **found) for id_, found in sorted(counts.items())]


def _stored(row: Any) -> StoredMessage:
    awaits: dict[int, Literal["key", "rate"]] = {4: "key", 5: "rate"}
    return StoredMessage(
        seq=row[0],
        id=row[1],
        queue=QueueName(row[2], row[3]),
        status=_STATUSES[row[4]],
        enqueued_at_ms=row[5],
        trace=unpack_trace(row[6]),
        due_at_ms=row[7] if row[4] in (SCHEDULED, BLOCKED) else None,
        failures=row[8],
        crashes=row[9],
        group=row[10],
        priority=-row[11],
        concurrency_key=row[12],
        rate_key=row[13],
        expires_at_ms=row[14],
        node=row[15],
        awaits=awaits.get(row[4]),
    )


def _stored_dead(row: Any) -> StoredMessage:
    return StoredMessage(
        seq=row[0],
        id=row[1],
        queue=QueueName(row[2], row[3]),
        status="dead",
        enqueued_at_ms=row[4],
        trace=unpack_trace(row[5]),
        failures=row[6],
        crashes=row[7],
        group=row[8],
        code=row[9],
    )
