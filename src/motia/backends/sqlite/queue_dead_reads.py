"""Dead letters, found and counted by SQLite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apsw
import orjson

from motia.backends.sqlite.queue import unpack_trace
from motia.backends.sqlite.queue_dead import kept_flow
from motia.core.message import DeadLetter, MessageId, QueueName
from motia.queue.dead_letters import DeadGroup, DeadLetterQuery, cause_of_error

_LETTERS = "FROM dead_letters d JOIN queues q ON q.id = d.queue"


def dead_letters(
    connection: apsw.Connection, query: DeadLetterQuery, limit: int, before_seq: int | None
) -> list[DeadLetter]:
    where, values = _fitting(connection, query)
    if before_seq is not None:
        where += " AND d.seq < ?"
        values.append(before_seq)
    rows = connection.execute(
        "SELECT d.seq, d.id, q.topic, q.step, d.payload, d.code, d.error, d.errors, d.failures,"
        " d.crashes, d.enqueued_at, d.died_at, d.trace, d.group_key, d.attributes,"
        f" d.rank, d.concurrency_key, d.rate_key, d.bulk {_LETTERS} WHERE {where}"
        " ORDER BY d.seq DESC LIMIT ?",
        (*values, limit),
    )
    return [_dead_letter(row) for row in rows]


def dead_groups(connection: apsw.Connection, query: DeadLetterQuery) -> list[DeadGroup]:
    where, values = _fitting(connection, query)
    # Of all letters the inner select reads one index, whatever they hold.
    rows = connection.execute(
        "SELECT g.topic, g.step, g.cause, g.count, g.first, g.last, s.id, s.code, s.error FROM"
        f" (SELECT q.topic, q.step, {_cause(connection)} AS cause, count(*) AS count,"
        " min(d.died_at) AS first, max(d.died_at) AS last, max(d.seq) AS newest"
        f" {_LETTERS} WHERE {where} GROUP BY d.queue, 3) g"
        " CROSS JOIN dead_letters s ON s.seq = g.newest ORDER BY g.count DESC, g.last DESC",
        values,
    )
    return [_group(row) for row in rows]


def dead_ids(connection: apsw.Connection, query: DeadLetterQuery) -> list[tuple[QueueName, MessageId]]:
    where, values = _fitting(connection, query)
    rows = connection.execute(f"SELECT d.id, q.topic, q.step {_LETTERS} WHERE {where} ORDER BY d.seq", values)
    return [(QueueName(topic, step), id_) for id_, topic, step in rows]


def _fitting(connection: apsw.Connection, query: DeadLetterQuery) -> tuple[str, list[Any]]:
    """As `DeadLetterQuery.fits`."""
    where, values = ["1"], list[Any]()
    if query.ids is not None:
        where.append("d.id IN (SELECT unhex(value) FROM json_each(?))")
        values.append(orjson.dumps([id_.hex() for id_ in query.ids]).decode())
    for condition, value in (
        ("q.topic = ?", query.topic),
        ("q.step = ?", query.step),
        ("d.code = ?", query.code),
        ("d.died_at >= ?", query.died_since_ms),
        ("d.died_at < ?", query.died_before_ms),
    ):
        if value is not None:
            where.append(condition)
            values.append(value)
    if query.text:
        where.append("(instr(lower(CAST(d.payload AS TEXT)), ?) OR instr(lower(CAST(d.error AS TEXT)), ?))")
        values += [query.text.lower()] * 2
    if query.cause is not None:
        where.append(f"{_cause(connection)} = ?")
        values.append(query.cause)
    return " AND ".join(where), values


def _cause(connection: apsw.Connection) -> str:
    """What the cause of a letter is read by; those that an older version buried carry none."""
    if connection.execute("SELECT 1 FROM dead_letters WHERE cause IS NULL LIMIT 1").fetchone() is None:
        return "d.cause"
    connection.create_scalar_function("cause_of_error", _cause_of_error, 3, deterministic=True)
    return "coalesce(d.cause, cause_of_error(q.step, d.code, d.error))"


def _cause_of_error(*columns: Any) -> str:
    step, code, error = columns
    return cause_of_error(step, code, error)


def _group(row: Sequence[Any]) -> DeadGroup:
    topic, step, cause, count, first_ms, last_ms, sample, code, error = row
    queue = QueueName(topic, step)
    counts = {"count": count, "first_ms": first_ms, "last_ms": last_ms, "sample": sample}
    return DeadGroup.of(cause, queue, code, error, **counts)


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
        flow=kept_flow(*row[15:19]),
    )
