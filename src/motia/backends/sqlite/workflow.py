"""Runs, journals and mail: the writes."""

from __future__ import annotations

from typing import Any

import orjson

from motia.backends.sqlite.queue import pack_trace
from motia.backends.sqlite.transaction import Transaction
from motia.backends.sqlite.workflow_reads import journal_of
from motia.core import batch as ops
from motia.core.ids import parse_id
from motia.core.message import MessageId, QueueName
from motia.core.workflow import (
    CANCELLED,
    RESULT_TOPIC,
    UNDO_MARKER,
    Mail,
    RunId,
    mail_key,
    undo_marker,
)
from motia.workflow.retrying import done_anew, to_do_again

BEGIN_RUN = (
    "INSERT INTO runs (id, step, topic, status, started_at, trace, input) VALUES (?,?,?,'running',?,?,?)"
    " ON CONFLICT (id, step) DO NOTHING"
)
END_RUN = "UPDATE runs SET status = ?, ended_at = ?, output = ?, error = ? WHERE id = ? AND step = ?"
FORGET_WAITS = "DELETE FROM waits WHERE id = ? AND step = ?"
_COLUMNS = (
    "INSERT INTO journal (id, step, name, position, kind, status, at, version, value, error, attempts,"
    " due_at, mail_id)"
)
_VALUES = "?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13"
_REPLACE = (
    "ON CONFLICT (id, step, name) DO UPDATE SET status = ?6, at = ?7, version = ?8, value = ?9,"
    " error = ?10, attempts = ?11, due_at = ?12, mail_id = ?13"
)
_PUT = f"{_COLUMNS} VALUES ({_VALUES}) {_REPLACE}"
PUT_HELD = (
    f"{_COLUMNS} SELECT {_VALUES} WHERE EXISTS (SELECT 1 FROM deliveries"
    f" WHERE seq = ?14 AND id = ?15 AND token = ?16 AND state = 3) {_REPLACE}"
)
"""A put together with its guard."""


def begin_row(operation: ops.RunBegin) -> tuple[Any, ...]:
    """For `BEGIN_RUN`."""
    trace = pack_trace(operation.trace)
    return (*operation.run, operation.topic, operation.started_at_ms, trace, operation.input)


def put_row(transaction: Transaction, operation: ops.JournalPut) -> tuple[Any, ...]:
    """For `PUT_HELD`, before the guard."""
    entry = operation.entry
    return (
        *operation.run,
        entry.name,
        transaction.next_number(),
        entry.kind,
        entry.status,
        entry.at_ms,
        entry.version,
        entry.value,
        entry.error,
        entry.attempts,
        entry.due_at_ms,
        entry.mail_id,
    )


def is_open(transaction: Transaction, run: RunId) -> bool:
    """Whether there is such a run and it has not ended."""
    found = transaction.execute(
        "SELECT 1 FROM runs WHERE id = ? AND step = ? AND ended_at IS NULL", run
    ).fetchone()
    return found is not None


def has_ended(transaction: Transaction, run: RunId) -> bool:
    """Whether there was such a run."""
    found = transaction.execute(
        "SELECT 1 FROM runs WHERE id = ? AND step = ? AND ended_at IS NOT NULL", run
    ).fetchone()
    return found is not None


def reopen(transaction: Transaction, run: RunId, since: str | None) -> frozenset[str]:
    """Let an ended run go on from there; the names of what it does anew. Failure: `run.unknown_entry`."""
    entries = journal_of(transaction.connection, run)
    anew = done_anew(entries, since)
    transaction.connection.executemany(
        "DELETE FROM journal WHERE id = ? AND step = ? AND name = ?", [(*run, name) for name in anew.gone]
    )
    for entry in entries:
        if entry.name in anew.undone:
            journal_put(transaction, ops.JournalPut(run, to_do_again(entry)))
    transaction.execute(
        "UPDATE runs SET status = 'running', ended_at = NULL, output = NULL, error = NULL"
        " WHERE id = ? AND step = ?",
        run,
    )
    return anew.gone | anew.undone


def mark_begun(transaction: Transaction, run: RunId, queue: QueueName) -> None:
    """A message that was stored anew is a run already: who claims it looks for its journal."""
    transaction.execute(
        "UPDATE deliveries SET token = 1 WHERE id = ? AND queue = ? AND token = 0",
        (run.message_id, transaction.queue_id(queue)),
    )


def called_by(transaction: Transaction, run: RunId) -> frozenset[MessageId]:
    """Messages of the steps that a run has called and waits for."""
    rows: list[Any] = list(
        transaction.execute(
            "SELECT key FROM waits WHERE id = ? AND step = ? AND topic = ?", (*run, RESULT_TOPIC)
        )
    )
    return frozenset(parse_id(key) for (key,) in rows)


def undo_state(transaction: Transaction, run: RunId) -> tuple[bool, bool]:
    """Whether a run is being undone, and whether it has done what may have to be."""
    found: Any = transaction.execute(
        "SELECT coalesce(max(name = ?1), 0), coalesce(max(kind = 'step' AND status = 'done'), 0) FROM journal"
        " WHERE id = ?2 AND step = ?3",
        (UNDO_MARKER, *run),
    ).fetchone()
    return bool(found[0]), bool(found[1])


def begin_undo(transaction: Transaction, run: RunId, seq: int, now_ms: int, cause: bytes = CANCELLED) -> None:
    """Make a run ready that does nothing more but undo what it did."""
    transaction.execute("DELETE FROM waits WHERE id = ? AND step = ?", run)
    journal_put(transaction, ops.JournalPut(run, undo_marker(now_ms, cause)))
    transaction.execute(
        "UPDATE deliveries SET state = 0, due_at = ?, claimed_by = NULL WHERE seq = ?", (now_ms, seq)
    )


def end_row(operation: ops.RunEnd) -> tuple[Any, ...]:
    """For `END_RUN`."""
    return (operation.status, operation.at_ms, operation.output, operation.error, *operation.run)


def run_begin(transaction: Transaction, operation: ops.RunBegin) -> None:
    transaction.execute(BEGIN_RUN, begin_row(operation))
    if operation.expires:
        queue = transaction.queue_id(QueueName(operation.topic, operation.run.step))
        transaction.execute(
            "UPDATE deliveries SET expires_at = NULL WHERE id = ? AND queue = ?",
            (operation.run.message_id, queue),
        )


def journal_put(transaction: Transaction, operation: ops.JournalPut) -> None:
    transaction.execute(_PUT, put_row(transaction, operation))


def run_end(transaction: Transaction, operation: ops.RunEnd) -> None:
    transaction.execute(END_RUN, end_row(operation))
    transaction.execute(FORGET_WAITS, operation.run)


def wait_for(transaction: Transaction, operation: ops.WaitFor) -> bool:
    if operation.fields is not None:
        register_mail(transaction, ops.RegisterMail(operation.topic, operation.fields))
    found = transaction.execute(
        "SELECT id, payload FROM mail WHERE topic = ?1 AND key = ?2 AND at >= ?3 AND keep_until > ?4"
        " AND id NOT IN (SELECT mail_id FROM journal WHERE id = ?5 AND step = ?6 AND mail_id IS NOT NULL)"
        " ORDER BY seq LIMIT 1",
        (operation.topic, operation.key, operation.since_ms, operation.now_ms, *operation.run),
    ).fetchone()
    if found is not None:
        _end_wait(transaction, operation.run, operation.name, found[0], found[1], operation.now_ms)
        return True
    transaction.execute(
        "INSERT OR REPLACE INTO waits (id, step, name, queue, topic, key) VALUES (?,?,?,?,?,?)",
        (
            *operation.run,
            operation.name,
            transaction.queue_id(operation.queue),
            operation.topic,
            operation.key,
        ),
    )
    return False


def give_up_wait(transaction: Transaction, operation: ops.GiveUpWait) -> bool:
    transaction.execute(
        "DELETE FROM waits WHERE id = ? AND step = ? AND name = ?", (*operation.run, operation.entry.name)
    )
    if not transaction.connection.changes():
        return False
    journal_put(transaction, ops.JournalPut(operation.run, operation.entry))
    return True


def register_mail(transaction: Transaction, operation: ops.RegisterMail) -> None:
    transaction.execute(
        "INSERT OR IGNORE INTO mail_fields (topic, fields) VALUES (?,?)",
        (operation.topic, orjson.dumps(list(operation.fields)).decode()),
    )


def post(transaction: Transaction, operation: ops.Post) -> int:
    mail = operation.mail
    woken = 0
    for key in _keys(transaction, mail):
        transaction.execute(
            "INSERT INTO mail (id, topic, key, payload, at, keep_until) VALUES (?,?,?,?,?,?)",
            (mail.id, mail.topic, key, mail.payload, mail.at_ms, mail.keep_until_ms),
        )
        waiting: list[Any] = list(
            transaction.execute(
                "SELECT id, step, name, queue FROM waits WHERE topic = ? AND key = ?", (mail.topic, key)
            )
        )
        for id_, step, name, queue in waiting:
            run = RunId(id_, step)
            _end_wait(transaction, run, name, mail.id, mail.payload, mail.at_ms)
            transaction.execute("DELETE FROM waits WHERE id = ? AND step = ? AND name = ?", (*run, name))
            transaction.execute(
                "UPDATE deliveries SET state = 0, due_at = ? WHERE id = ? AND queue = ? AND state = 1",
                (mail.at_ms, id_, queue),
            )
            if transaction.connection.changes():
                transaction.note_ready(queue)
            woken += 1
    return woken


def _keys(transaction: Transaction, mail: Mail) -> set[str]:
    if mail.key is not None:
        return {mail.key}
    rows: list[Any] = list(
        transaction.execute("SELECT fields FROM mail_fields WHERE topic = ?", (mail.topic,))
    )
    if not rows:
        return set()
    payload = orjson.loads(mail.payload)
    keys = {mail_key(orjson.loads(fields), payload) for (fields,) in rows}
    return {key for key in keys if key is not None}


def _end_wait(
    transaction: Transaction, run: RunId, name: str, mail_id: bytes, payload: bytes, at_ms: int
) -> None:
    transaction.execute(
        "UPDATE journal SET status = 'done', value = ?, mail_id = ?, at = ?"
        " WHERE id = ? AND step = ? AND name = ?",
        (payload, mail_id, at_ms, *run, name),
    )


def prune_runs(transaction: Transaction, operation: ops.PruneRuns) -> int:
    over: list[Any] = list(
        transaction.execute(
            "SELECT id, step FROM runs WHERE ended_at < ? ORDER BY ended_at LIMIT ?",
            (operation.ended_before_ms, operation.limit),
        )
    )
    transaction.connection.executemany("DELETE FROM journal WHERE id = ? AND step = ?", over)
    transaction.connection.executemany("DELETE FROM runs WHERE id = ? AND step = ?", over)
    transaction.execute(
        "DELETE FROM mail WHERE seq IN (SELECT seq FROM mail WHERE keep_until <= ? LIMIT ?)",
        (operation.now_ms, operation.limit),
    )
    return len(over) + transaction.connection.changes()
