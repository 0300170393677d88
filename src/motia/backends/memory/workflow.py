"""Runs, journals and mail over plain dictionaries."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from motia import encoding
from motia.backends.memory.queue import put
from motia.backends.memory.reads import done
from motia.backends.memory.store import Delivery, MemoryStore, Run, Standing, Wait
from motia.backends.memory.transaction import Transaction
from motia.core import batch as ops
from motia.core.ids import parse_id
from motia.core.message import MessageId, QueueName
from motia.core.workflow import (
    APPROVAL_TOPIC,
    CANCELLED,
    HELD_MARKER,
    RESULT_TOPIC,
    UNDO_MARKER,
    JournalEntry,
    Mail,
    RunId,
    RunStatus,
    RunSummary,
    mail_key,
    undo_marker,
)
from motia.workflow.retrying import done_anew, to_do_again


def run_begin(transaction: Transaction, operation: ops.RunBegin) -> None:
    runs = transaction.store.runs
    if operation.run not in runs:
        transaction.journal.put(runs, operation.run, Run(operation, {}))
    if operation.expires:
        queue = QueueName(operation.topic, operation.run.step)
        delivery = _delivery(transaction.store, operation.run, queue)
        if delivery is not None:
            put(transaction, replace(delivery, flow=replace(delivery.flow, expires_at_ms=None)))


def is_open(store: MemoryStore, delivery: Delivery) -> bool:
    """Whether the delivery is a run that has not ended."""
    run = store.runs.get(RunId(delivery.id, delivery.queue.step))
    return run is not None and run.end is None


def is_undone(store: MemoryStore, delivery: Delivery) -> bool:
    """Whether what it did is being undone."""
    run = store.runs.get(RunId(delivery.id, delivery.queue.step))
    return run is not None and UNDO_MARKER in run.entries


def has_ended(store: MemoryStore, run: RunId) -> bool:
    """Whether there was such a run."""
    return run in store.runs and store.runs[run].end is not None


def reopen(transaction: Transaction, run: RunId, since: str | None) -> frozenset[str]:
    """Let an ended run go on from there; the names of what it does anew. Failure: `run.unknown_entry`."""
    found = transaction.store.runs[run]
    anew = done_anew(list(found.entries.values()), since)
    kept = {
        name: to_do_again(entry) if name in anew.undone else entry
        for name, entry in found.entries.items()
        if name not in anew.gone
    }
    transaction.journal.put(transaction.store.runs, run, Run(found.begin, kept))
    return anew.gone | anew.undone


def mark_begun(transaction: Transaction, run: RunId, queue: QueueName) -> None:
    """A message that was stored anew is a run already: who claims it looks for its journal."""
    delivery = _delivery(transaction.store, run, queue)
    if delivery is not None and not delivery.token:
        put(transaction, replace(delivery, token=1))


def called_by(store: MemoryStore, run: RunId) -> frozenset[MessageId]:
    """Messages of the steps that a run has called and waits for."""
    waits = [wait for (waiting, _), wait in store.waits.items() if waiting == run]
    return frozenset(parse_id(wait.key) for wait in waits if wait.topic == RESULT_TOPIC)


def has_done(store: MemoryStore, delivery: Delivery) -> bool:
    """Whether it is a run that has done what may have to be undone."""
    run = store.runs.get(RunId(delivery.id, delivery.queue.step))
    entries = () if run is None else run.entries.values()
    return any((entry.kind, entry.status) == ("step", "done") for entry in entries)


def begin_undo(transaction: Transaction, delivery: Delivery, now_ms: int, cause: bytes = CANCELLED) -> None:
    """Make a run ready that does nothing more but undo what it did."""
    run = RunId(delivery.id, delivery.queue.step)
    forget_waits(transaction, run)
    journal_put(transaction, ops.JournalPut(run, undo_marker(now_ms, cause)))
    ready = replace(delivery, standing=Standing.READY, due_at_ms=now_ms, holder=None, awaits_rate=False)
    put(transaction, ready)


def forget_waits(transaction: Transaction, run: RunId) -> None:
    """The run waits for nothing any more."""
    for place in [place for place in transaction.store.waits if place[0] == run]:
        transaction.journal.remove(transaction.store.waits, place)


def journal_put(transaction: Transaction, operation: ops.JournalPut) -> None:
    run = transaction.store.runs[operation.run]
    transaction.journal.put(run.entries, operation.entry.name, operation.entry)


def run_end(transaction: Transaction, operation: ops.RunEnd) -> None:
    runs = transaction.store.runs
    if operation.run in runs:
        transaction.journal.put(runs, operation.run, replace(runs[operation.run], end=operation))
    forget_waits(transaction, operation.run)


def wait_for(transaction: Transaction, operation: ops.WaitFor) -> bool:
    store = transaction.store
    if operation.fields is not None:
        register_mail(transaction, ops.RegisterMail(operation.topic, operation.fields))
    taken = {entry.mail_id for entry in store.runs[operation.run].entries.values()}
    for mail, key in store.mail.values():
        fits = (mail.topic, key) == (operation.topic, operation.key) and mail.id not in taken
        if fits and mail.at_ms >= operation.since_ms and mail.keep_until_ms > operation.now_ms:
            _end_wait(transaction, operation.run, operation.name, mail, operation.now_ms)
            return True
    wait = Wait(operation.queue, operation.topic, operation.key)
    transaction.journal.put(store.waits, (operation.run, operation.name), wait)
    return False


def give_up_wait(transaction: Transaction, operation: ops.GiveUpWait) -> bool:
    place = (operation.run, operation.entry.name)
    if place not in transaction.store.waits:
        return False
    transaction.journal.remove(transaction.store.waits, place)
    journal_put(transaction, ops.JournalPut(operation.run, operation.entry))
    return True


def register_mail(transaction: Transaction, operation: ops.RegisterMail) -> None:
    place = (operation.topic, tuple(operation.fields))
    transaction.journal.put(transaction.store.mail_fields, place, None)


def post(transaction: Transaction, operation: ops.Post) -> int:
    store, mail = transaction.store, operation.mail
    woken = 0
    for key in _keys(store, mail):
        transaction.journal.put(store.mail, store.next_number(), (mail, key))
        for (run, name), wait in list(store.waits.items()):
            if (wait.topic, wait.key) != (mail.topic, key):
                continue
            _end_wait(transaction, run, name, mail, mail.at_ms)
            transaction.journal.remove(store.waits, (run, name))
            delivery = _delivery(store, run, wait.queue)
            if delivery is not None and delivery.standing is Standing.SCHEDULED:
                put(transaction, replace(delivery, standing=Standing.READY, due_at_ms=mail.at_ms))
            woken += 1
    return woken


def _keys(store: MemoryStore, mail: Mail) -> set[str]:
    if mail.key is not None:
        return {mail.key}
    payload = encoding.decode(mail.payload)
    keys = {mail_key(fields, payload) for topic, fields in store.mail_fields if topic == mail.topic}
    return {key for key in keys if key is not None}


def _end_wait(transaction: Transaction, run: RunId, name: str, mail: Mail, at_ms: int) -> None:
    entries = transaction.store.runs[run].entries
    entry = replace(entries[name], status="done", value=mail.payload, mail_id=mail.id, at_ms=at_ms)
    transaction.journal.put(entries, name, entry)


def _delivery(store: MemoryStore, run: RunId, queue: QueueName) -> Delivery | None:
    seq = store.seq_of.get((run.message_id, queue))
    return None if seq is None else store.deliveries[queue].get(seq)


def held_by(store: MemoryStore, run: RunId) -> JournalEntry | None:
    """The marker of a run that is held; None = it is not."""
    found = store.runs.get(run)
    if found is None or found.end is not None:
        return None
    delivery = _delivery(store, run, QueueName(found.begin.topic, run.step))
    marker = found.entries.get(HELD_MARKER)
    waits = delivery is not None and delivery.standing is Standing.SCHEDULED
    return marker if waits and marker is not None and marker.status == "waiting" else None


def prune_runs(transaction: Transaction, operation: ops.PruneRuns) -> int:
    store = transaction.store
    over = [id_ for id_, run in store.runs.items() if run.end and run.end.at_ms < operation.ended_before_ms]
    for id_ in over[: operation.limit]:
        transaction.journal.remove(store.runs, id_)
    old = [number for number, (mail, _) in store.mail.items() if mail.keep_until_ms <= operation.now_ms]
    for number in old[: operation.limit]:
        transaction.journal.remove(store.mail, number)
    return len(over[: operation.limit]) + len(old[: operation.limit])


def _by_run(found: tuple[RunId, JournalEntry]) -> RunId:
    return found[0]


class MemoryWorkflowStore:
    """`WorkflowStore` over dictionaries."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def journal(self, run: RunId) -> asyncio.Future[list[JournalEntry]]:
        found = self._store.runs.get(run)
        return done([] if found is None else list(found.entries.values()))

    def run(self, run: RunId) -> asyncio.Future[RunSummary | None]:
        return done(self._summary(run) if run in self._store.runs else None)

    def approvals(self, now_ms: int, *, limit: int = 100) -> asyncio.Future[list[tuple[RunId, JournalEntry]]]:
        found = [
            (run, self._store.runs[run].entries[name])
            for (run, name), wait in self._store.waits.items()
            if wait.topic == APPROVAL_TOPIC
        ]
        return done([one for one in sorted(found, key=_by_run) if (one[1].due_at_ms or 0) > now_ms][:limit])

    def of_message(self, message_id: MessageId) -> asyncio.Future[list[RunSummary]]:
        return done([self._summary(id_) for id_ in sorted(self._store.runs) if id_.message_id == message_id])

    def runs(
        self,
        *,
        status: RunStatus | None = None,
        step: str | None = None,
        before: RunId | None = None,
        limit: int = 100,
    ) -> asyncio.Future[list[RunSummary]]:
        ids = sorted((id_ for id_ in self._store.runs if step in (None, id_.step)), reverse=True)
        ids = [id_ for id_ in ids if before is None or id_ < before]
        found = [self._summary(id_) for id_ in ids]
        return done([run for run in found if status in (None, run.status)][:limit])

    def _summary(self, id_: RunId) -> RunSummary:
        run = self._store.runs[id_]
        begin, end = run.begin, run.end
        delivery = None if end else _delivery(self._store, id_, QueueName(begin.topic, id_.step))
        waits = delivery is not None and delivery.standing is Standing.SCHEDULED
        held = held_by(self._store, id_)
        return RunSummary(
            id=id_,
            topic=begin.topic,
            status=end.status if end else "held" if held else "suspended" if waits else "running",
            held=held,
            started_at_ms=begin.started_at_ms,
            ended_at_ms=end.at_ms if end else None,
            due_at_ms=delivery.due_at_ms if delivery is not None and waits else None,
            trace=begin.trace,
            entries=len(run.entries),
            error=end.error if end else None,
            output=end.output if end else None,
            input=begin.input,
        )
