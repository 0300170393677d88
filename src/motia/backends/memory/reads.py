"""The reads of queues, state and schedules."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TypeVar

from motia.backends.memory.queue import claim_of
from motia.backends.memory.store import Delivery, MemoryStore, Standing
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
from motia.core.state import StateChange, StateEntry
from motia.queue.dead_letters import EVERY_LETTER, DeadGroup, DeadLetterQuery, cause_of_letter
from motia.state.store import KEPT_CHANGES

T = TypeVar("T")


class MemoryQueueStore:
    """`QueueStore` over dictionaries."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def depths(self) -> asyncio.Future[list[QueueDepth]]:
        dead = Counter(letter.queue for letter in self._store.dead.values())
        return done([self._depth(queue, dead[queue]) for queue in self._store.deliveries])

    def _depth(self, queue: QueueName, dead: int) -> QueueDepth:
        deliveries = list(self._store.in_order([queue]))
        counts = Counter(delivery.standing for delivery in deliveries)
        ready = [max(d.enqueued_at_ms, d.due_at_ms or 0) for d in deliveries if d.standing is Standing.READY]
        return QueueDepth(
            queue=queue,
            ready=counts[Standing.READY],
            scheduled=counts[Standing.SCHEDULED],
            blocked=counts[Standing.BLOCKED],
            limited=counts[Standing.LIMITED],
            claimed=counts[Standing.CLAIMED],
            dead=dead,
            oldest_ready_at_ms=min(ready, default=None),
        )

    def dead_letters(
        self, query: DeadLetterQuery = EVERY_LETTER, *, limit: int = 100, before_seq: int | None = None
    ) -> asyncio.Future[list[DeadLetter]]:
        found = [one for one in self._dead(query) if before_seq is None or one.seq < before_seq]
        return done(found[::-1][:limit])

    def dead_groups(self, query: DeadLetterQuery = EVERY_LETTER) -> asyncio.Future[list[DeadGroup]]:
        found: dict[tuple[QueueName, str], list[DeadLetter]] = {}
        for letter in self._dead(query):
            found.setdefault((letter.queue, cause_of_letter(letter)), []).append(letter)
        groups = [
            DeadGroup.of(
                cause,
                queue,
                letters[-1].code,
                letters[-1].error,
                count=len(letters),
                first_ms=min(letter.died_at_ms for letter in letters),
                last_ms=max(letter.died_at_ms for letter in letters),
                sample=letters[-1].id,
            )
            for (queue, cause), letters in found.items()
        ]
        return done(sorted(groups, key=lambda group: (-group.count, -group.last_ms)))

    def dead_ids(
        self, query: DeadLetterQuery = EVERY_LETTER
    ) -> asyncio.Future[list[tuple[QueueName, MessageId]]]:
        return done([(letter.queue, letter.id) for letter in self._dead(query)])

    def _dead(self, query: DeadLetterQuery) -> list[DeadLetter]:
        """The oldest first."""
        return [letter for _, letter in sorted(self._store.dead.items()) if query.fits(letter)]

    def scheduled(
        self, queue: QueueName | None = None, *, limit: int = 100
    ) -> asyncio.Future[list[ScheduledMessage]]:
        return done([one for one in self._scheduled() if queue in (None, one.queue)][:limit])

    def next_due_at_ms(self) -> asyncio.Future[int | None]:
        due = [message.due_at_ms for message in self._scheduled()]
        wakes = [rate.wake_at_ms for rate in self._store.rates.values() if rate.wake_at_ms is not None]
        return done(min([*due, *wakes], default=None))

    def _scheduled(self) -> list[ScheduledMessage]:
        found = [
            ScheduledMessage(
                id=delivery.id,
                queue=delivery.queue,
                due_at_ms=delivery.due_at_ms,
                failures=delivery.failures,
                trace=delivery.trace,
            )
            for delivery in self._store.in_order(self._store.deliveries)
            if delivery.standing is Standing.SCHEDULED and delivery.due_at_ms is not None
        ]
        return sorted(found, key=lambda message: message.due_at_ms)

    def messages(self, id_: MessageId) -> asyncio.Future[list[StoredMessage]]:
        store = self._store
        waiting = [_stored(d) for d in store.in_order(store.deliveries) if d.id == id_]
        dead = [_stored_dead(letter) for _, letter in sorted(store.dead.items()) if letter.id == id_]
        return done(sorted(waiting, key=lambda message: message.seq) + dead)

    def of_trace(self, trace_id: str, *, limit: int = 10_000) -> asyncio.Future[list[MessageId]]:
        deliveries = self._store.in_order(self._store.deliveries)
        found = dict.fromkeys(d.id for d in deliveries if d.trace.trace_id == trace_id)
        return done(list(found)[:limit])

    def head_of_group(self, queue: QueueName, group: str) -> asyncio.Future[StoredMessage | None]:
        found = [d for d in self._store.in_order([queue]) if d.group == group]
        return done(_stored(found[0]) if found else None)

    def running(
        self, queue: QueueName, *, concurrency_key: str | None = None, limit: int = 100
    ) -> asyncio.Future[list[StoredMessage]]:
        found = [
            _stored(d)
            for d in self._store.in_order([queue])
            if d.standing is Standing.CLAIMED and concurrency_key in (None, d.flow.concurrency_key)
        ]
        return done(found[:limit])

    def undelivered(self, *, after_seq: int, limit: int) -> asyncio.Future[list[QueuedPayload]]:
        left = [d for d in self._store.in_order(self._store.deliveries) if d.seq > after_seq]
        left.sort(key=lambda delivery: delivery.seq)
        return done([QueuedPayload(d.seq, d.id, d.queue, d.payload) for d in left[:limit]])

    def claims_of(self, node: NodeId, *, payloads: bool = False) -> asyncio.Future[list[Claim]]:
        held = [claim_of(d) for d in self._store.in_order(self._store.deliveries) if d.holder == node]
        for claim in held:
            claim.payload = claim.payload if payloads else b""
        return done(sorted(held, key=lambda claim: claim.seq))

    def ready_before(self, message: StoredMessage, *, limit: int = 10_000) -> asyncio.Future[int]:
        place = -message.priority, message.seq
        ready = [d for d in self._store.in_order([message.queue]) if d.standing is Standing.READY]
        return done(min(limit, sum(d.place < place for d in ready)))

    def rate_free_at_ms(self, queue: QueueName, key: str) -> asyncio.Future[int | None]:
        rate = self._store.rates.get((queue, key))
        return done(None if rate is None else rate.wake_at_ms)

    def pauses(self) -> asyncio.Future[list[Pause]]:
        return done(
            [
                Pause(topic=topic, step=step, since_ms=since_ms)
                for (topic, step), since_ms in sorted(self._store.pauses.items())
            ]
        )

    def cancellations(self, node: NodeId) -> asyncio.Future[list[tuple[int, int]]]:
        found = sorted(self._store.cancellations)
        return done([(seq, token) for holder, seq, token in found if holder == node])

    def bulk(self, bulk: bytes) -> asyncio.Future[BulkProgress | None]:
        return done(self._progress(bulk) if bulk in self._store.bulks else None)

    def bulks(self, *, limit: int = 20) -> asyncio.Future[list[tuple[bytes, BulkProgress]]]:
        known = self._store.bulks
        latest = sorted(known, key=lambda bulk: (known[bulk].started_at_ms, bulk), reverse=True)
        return done([(bulk, self._progress(bulk)) for bulk in latest[:limit]])

    def _progress(self, bulk: bytes) -> BulkProgress:
        store = self._store
        known = store.bulks[bulk]
        left = [one for one in store.in_order(store.deliveries) if one.flow.bulk == bulk]
        running = sum(one.standing is Standing.CLAIMED for one in left)
        return BulkProgress(
            total=known.total,
            waiting=len(left) - running,
            running=running,
            dead=sum(one.flow is not None and one.flow.bulk == bulk for one in store.dead.values()),
            cancelled=known.cancelled,
            started_at_ms=known.started_at_ms,
        )

    def nodes(self) -> asyncio.Future[Sequence[tuple[NodeId, int, str]]]:
        return done([(node, pid, lock_path) for node, (pid, lock_path) in self._store.nodes.items()])


class MemoryStateStore:
    """`StateStore` over dictionaries."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def get(self, scope: str, key: str, now_ms: int) -> asyncio.Future[StateEntry | None]:
        entry = self._store.state.get(scope, {}).get(key)
        if entry is None or not entry.lives_at(now_ms):
            return done(None)
        return done(StateEntry(key, entry.value, entry.version, entry.expires_at_ms))

    def entries(
        self, scope: str, now_ms: int, *, limit: int | None = None, after_key: str | None = None
    ) -> asyncio.Future[list[StateEntry]]:
        entries = self._store.state.get(scope, {})
        found = [
            StateEntry(key, entries[key].value, entries[key].version, entries[key].expires_at_ms)
            for key in sorted(entries, key=by_bytes)
            if entries[key].lives_at(now_ms) and (after_key is None or by_bytes(key) > by_bytes(after_key))
        ]
        return done(found[:limit])

    def scopes(
        self, now_ms: int, *, limit: int = 1000, after: str | None = None
    ) -> asyncio.Future[list[str]]:
        found = [
            scope
            for scope in sorted(self._store.state, key=by_bytes)
            if any(entry.lives_at(now_ms) for entry in self._store.state[scope].values())
            and (after is None or by_bytes(scope) > by_bytes(after))
        ]
        return done(found[:limit])

    def changes(self, after: int, *, limit: int = 1000) -> asyncio.Future[list[StateChange] | None]:
        watch = self._store.state_watch
        if not max(watch["since"], watch["last"] - KEPT_CHANGES) <= after <= watch["last"]:
            return done(None)
        following = range(after + 1, min(watch["last"], after + limit) + 1)
        return done([self._store.state_changes[number] for number in following])


class MemoryScheduleStore:
    """`ScheduleStore` over dictionaries."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def marks(self) -> asyncio.Future[Mapping[str, int]]:
        marks: Mapping[str, int] = dict(self._store.schedules)
        return done(marks)


def done(value: T) -> asyncio.Future[T]:
    """A future that has its result already."""
    future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
    future.set_result(value)
    return future


def by_bytes(text: str) -> bytes:
    """The order of the UTF-8 bytes, in which databases sort."""
    return text.encode()


_STATUSES: dict[Standing, MessageStatus] = {
    Standing.READY: "ready",
    Standing.SCHEDULED: "scheduled",
    Standing.BLOCKED: "blocked",
    Standing.LIMITED: "limited",
    Standing.CLAIMED: "running",
}


def _stored(delivery: Delivery) -> StoredMessage:
    limited = delivery.standing is Standing.LIMITED
    waits = delivery.standing in (Standing.SCHEDULED, Standing.BLOCKED)
    return StoredMessage(
        seq=delivery.seq,
        id=delivery.id,
        queue=delivery.queue,
        status=_STATUSES[delivery.standing],
        enqueued_at_ms=delivery.enqueued_at_ms,
        trace=delivery.trace,
        due_at_ms=delivery.due_at_ms if waits else None,
        failures=delivery.failures,
        crashes=delivery.crashes,
        group=delivery.group,
        priority=delivery.flow.priority,
        concurrency_key=delivery.flow.concurrency_key,
        rate_key=delivery.flow.rate_key,
        expires_at_ms=delivery.flow.expires_at_ms,
        node=delivery.holder,
        awaits=None if not limited else "rate" if delivery.awaits_rate else "key",
    )


def _stored_dead(letter: DeadLetter) -> StoredMessage:
    return StoredMessage(
        seq=letter.seq,
        id=letter.id,
        queue=letter.queue,
        status="dead",
        enqueued_at_ms=letter.enqueued_at_ms,
        trace=letter.trace,
        failures=letter.failures,
        crashes=letter.crashes,
        group=letter.group,
        code=letter.code,
    )
