"""The room that the limits of a queue leave: in all, and for each key.

A key of one limit is a lane. What waits apart (`AWAITS_KEY`, `AWAITS_RATE`) goes before what is new in its
lane.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from motia.backends.sqlite.schema import AWAITS_KEY, AWAITS_RATE, CLAIMED, READY
from motia.backends.sqlite.transaction import Transaction
from motia.core.flow import Flow, Limits, RateWindow
from motia.core.message import NewMessage
from motia.queue.rate import Starts, free_starts, next_free_ms, note_starts

KEEP_RATE = (
    "INSERT INTO rates (queue, key, most, period, starts, wake_at) VALUES (?,?,?,?,?,?)"
    " ON CONFLICT (queue, key) DO UPDATE SET most = excluded.most, period = excluded.period,"
    " starts = excluded.starts, wake_at = excluded.wake_at"
)
_CLAIMED_OF_KEYS = (
    "SELECT concurrency_key, count(*) FROM deliveries WHERE queue = ? AND state = 3"
    " AND concurrency_key IN (SELECT value FROM json_each(?)) GROUP BY concurrency_key"
)
_STARTS_OF_KEYS = "SELECT key, starts FROM rates WHERE queue = ? AND key IN (SELECT value FROM json_each(?))"
_WRITTEN_KEPT = 1000
"""Keys whose starts are kept in memory as they were written."""
KEY_COLUMN = {AWAITS_KEY: "concurrency_key", AWAITS_RATE: "rate_key"}


@dataclass(slots=True)
class Lane:
    """One key of one limit, as this transaction sees it."""

    state: int
    key: str
    free: int
    others_wait: bool
    """Older messages of the key wait apart: they go first."""
    starts: Starts = field(default_factory=list)
    taken: int = 0

    @property
    def full(self) -> bool:
        return self.free <= self.taken or self.others_wait


class Lanes:
    """The lanes of one queue that a transaction has looked at. They know what it takes only through `taken`,
    so they live no longer than until something else changes the queue."""

    def __init__(self, transaction: Transaction, queue: int, limits: Limits, now_ms: int) -> None:
        self._transaction = transaction
        self.queue = queue
        self.limits = limits
        self._now_ms = now_ms
        self._lanes: dict[tuple[int, str], Lane] = {}
        self._some_wait = some_wait_apart(transaction, queue)
        self._free: int | None = None

    def of_message(self, concurrency_key: str | None, rate_key: str | None) -> list[Lane]:
        """The lanes of its own keys."""
        limits = self.limits
        lanes = []
        if limits.key_concurrency is not None and concurrency_key is not None:
            lanes.append(self._lane(AWAITS_KEY, concurrency_key))
        if limits.rate is not None and limits.rate.keyed and rate_key is not None:
            lanes.append(self._lane(AWAITS_RATE, rate_key))
        return lanes

    def of_all(self) -> Lane | None:
        """The lane of a rate that counts the whole queue."""
        rate = self.limits.rate
        return None if rate is None or rate.keyed else self._lane(AWAITS_RATE, "")

    def admit(self, message: NewMessage) -> int:
        """The state of a new message. One that is claimed counts from now on."""
        limits, flow = self.limits, message.flow
        if message.limits is not limits and message.limits != limits:
            return READY
        # Counted from the latest of them: none of these starts counts for less than its period.
        self._now_ms = max(self._now_ms, message.enqueued_at_ms)
        lanes = [] if flow is None else self.of_message(flow.concurrency_key, flow.rate_key)
        if (whole := self.of_all()) is not None:
            lanes.append(whole)
        for lane in lanes:
            if lane.full:
                # Whoever leaves the place of a key lets the next in; that a rate has room nobody tells.
                return AWAITS_KEY if lane.state == AWAITS_KEY and lane.free <= lane.taken else READY
        if limits.concurrency is not None:
            if self._free is None:
                self._free = limits.concurrency - claimed_count(self._transaction, self.queue)
            if self._free <= 0:
                return READY
            self._free -= 1
        for lane in lanes:
            lane.taken += 1
        return CLAIMED

    def seen(self) -> list[Lane]:
        """All that were looked at."""
        return list(self._lanes.values())

    def _lane(self, state: int, key: str) -> Lane:
        lane = self._lanes.get((state, key))
        if lane is None:
            lane = self._lanes[state, key] = self._load(state, key)
        return lane

    def load(self, flows: Sequence[Flow]) -> None:
        """Look at the keys of many messages at once."""
        if self._some_wait:
            return
        execute = self._transaction.execute
        if (most := self.limits.key_concurrency) is not None:
            keys = {flow.concurrency_key for flow in flows if flow.concurrency_key is not None}
            claimed = dict(execute(_CLAIMED_OF_KEYS, (self.queue, orjson.dumps([*keys]).decode())))
            for key in keys:
                self._lanes[AWAITS_KEY, key] = Lane(AWAITS_KEY, key, most - claimed.get(key, 0), False)
        if (rate := self.limits.rate) is not None and rate.keyed:
            keys = {flow.rate_key for flow in flows if flow.rate_key is not None}
            texts = dict(execute(_STARTS_OF_KEYS, (self.queue, orjson.dumps([*keys]).decode())))
            for key in keys:
                starts = starts_of(self._transaction, self.queue, key, texts.get(key))
                free = free_starts(starts, rate.limit, rate.period_ms, self._now_ms)
                self._lanes[AWAITS_RATE, key] = Lane(AWAITS_RATE, key, free, False, starts)

    def _load(self, state: int, key: str) -> Lane:
        others_wait = self._some_wait and bool(
            self._transaction.execute(
                f"SELECT 1 FROM deliveries WHERE queue = ? AND {KEY_COLUMN[state]} = ? AND state = {state:d}"
                " LIMIT 1",
                (self.queue, key),
            ).get
        )
        if state == AWAITS_KEY:
            most = self.limits.key_concurrency
            assert most is not None
            claimed: Any = self._transaction.execute(
                "SELECT count(*) FROM deliveries WHERE queue = ? AND concurrency_key = ? AND state = 3",
                (self.queue, key),
            ).get
            return Lane(state, key, most - claimed, others_wait)
        rate = self.limits.rate
        assert rate is not None
        starts = read_starts(self._transaction, self.queue, key)
        free = free_starts(starts, rate.limit, rate.period_ms, self._now_ms)
        return Lane(state, key, free, others_wait, starts)

    def keep(self) -> None:
        """Remember what was taken, for the claims that come after."""
        rate = self.limits.rate
        if rate is None:
            return
        rows = []
        for lane in self._lanes.values():
            if lane.state == AWAITS_RATE:
                full = lane.free <= lane.taken
                if lane.taken:
                    note_starts(lane.starts, lane.taken, rate.limit, rate.period_ms, self._now_ms)
                elif not full:
                    # Others may wait for the time that is written: it stays.
                    continue
                wake_at_ms = next_free_ms(lane.starts, rate.period_ms) if full else None
                rows.append(rate_row(self._transaction, self.queue, lane.key, rate, lane.starts, wake_at_ms))
        self._transaction.connection.executemany(KEEP_RATE, rows)


class Admission:
    """In which state messages are stored: until `keep`, all of one transaction together."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._lanes: dict[int, Lanes] = {}

    def expect(self, messages: Sequence[NewMessage]) -> None:
        """Look at the limits of messages that come next all at once."""
        of_queues: dict[int, list[NewMessage]] = {}
        for message in messages:
            queue = self._transaction.queue_id(message.queue)
            if not self._transaction.has_backlog(queue, message.queue):
                of_queues.setdefault(queue, []).append(message)
        for queue, new in of_queues.items():
            lanes = self._lanes_of(queue, new[0])
            if lanes is not None:
                lanes.load([message.flow for message in new if message.flow is not None])

    def state_of(self, queue: int, message: NewMessage) -> int:
        """Claimed, where nothing that is ready waits before it and its limits have room."""
        if message.claim_for is None or self._transaction.has_backlog(queue, message.queue):
            return READY
        lanes = self._lanes_of(queue, message)
        return CLAIMED if lanes is None else lanes.admit(message)

    def _lanes_of(self, queue: int, message: NewMessage) -> Lanes | None:
        lanes = self._lanes.get(queue)
        if lanes is None and message.limits is not None:
            lanes = Lanes(self._transaction, queue, message.limits, message.enqueued_at_ms)
            self._lanes[queue] = lanes
        return lanes

    def keep(self) -> None:
        """Write what was taken, once a key, however many messages it had."""
        if self._lanes:
            for lanes in self._lanes.values():
                lanes.keep()
            self._lanes.clear()

    def forget(self) -> None:
        """What was taken has been undone."""
        self._lanes.clear()


def read_starts(transaction: Transaction, queue: int, key: str) -> Starts:
    """What is remembered of a key; the caller may change it, and `rate_row` writes it."""
    text: Any = transaction.execute("SELECT starts FROM rates WHERE queue = ? AND key = ?", (queue, key)).get
    return starts_of(transaction, queue, key, text)


def starts_of(transaction: Transaction, queue: int, key: str, text: str | None) -> Starts:
    """As `read_starts`, of what was read."""
    if text is None:
        return []
    # To read fifty times from JSON costs more than all else of a message's rate.
    written, starts = transaction.written_starts.pop((queue, key), ("", []))
    return starts if written == text else orjson.loads(text)


def rate_row(
    transaction: Transaction, queue: int, key: str, rate: RateWindow, starts: Starts, wake_at_ms: int | None
) -> tuple[int, str, int, int, str, int | None]:
    """What `KEEP_RATE` takes."""
    text = orjson.dumps(starts).decode()
    if len(transaction.written_starts) >= _WRITTEN_KEPT:
        transaction.written_starts.clear()
    transaction.written_starts[queue, key] = text, starts
    return (queue, key, rate.limit, rate.period_ms, text, wake_at_ms)


def claimed_count(transaction: Transaction, queue: int) -> int:
    """How many messages of the queue are claimed, by nodes that are known."""
    count = transaction.execute(
        "SELECT count(*) FROM deliveries WHERE state = 3 AND queue = ?"
        " AND claimed_by IN (SELECT id FROM nodes)",
        (queue,),
    ).get
    return int(count)


def some_wait_apart(transaction: Transaction, queue: int) -> bool:
    """Whether any message of the queue waits for its key."""
    found = transaction.execute(
        "SELECT 1 FROM deliveries WHERE queue = ? AND state > 3 LIMIT 1", (queue,)
    ).get
    return found is not None
