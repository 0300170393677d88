"""Limits per key: which ready messages may be taken, and which wait apart until their key has room.

What waits apart (`AWAITS_KEY`, `AWAITS_RATE`) is not looked at again until then, so that a million messages
of one busy key cost the others nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson

from motia.backends.sqlite.claim_rows import COLUMNS, TAKE, claim_of_row
from motia.backends.sqlite.queue import some_wait_apart
from motia.backends.sqlite.schema import AWAITS_KEY, AWAITS_RATE
from motia.backends.sqlite.transaction import Transaction
from motia.core import batch as ops
from motia.core.flow import RateWindow
from motia.core.message import Claim
from motia.queue.rate import Starts, free_starts, next_free_ms, note_starts

_MOST_LOOKED_AT = 2000
"""Ready messages that one claim looks at in a queue; bounds how long the writer works for it."""
_READY = (
    f"SELECT {COLUMNS}, d.rate_key FROM deliveries d WHERE d.queue = ? AND d.state = 0"
    " ORDER BY d.rank, d.seq LIMIT ?"
)
_KEEP = "INSERT OR REPLACE INTO rates (queue, key, most, period, starts, wake_at) VALUES (?,?,?,?,?,?)"
_KEY_COLUMN = {AWAITS_KEY: "concurrency_key", AWAITS_RATE: "rate_key"}


@dataclass(slots=True)
class _Lane:
    """One key of one limit, as this claim sees it."""

    state: int
    key: str
    free: int
    others_wait: bool
    """Older messages of the key wait apart: they go first."""
    starts: Starts = field(default_factory=list)
    taken: int = 0


class Limits:
    """Chooses messages of one queue for one claim."""

    def __init__(self, transaction: Transaction, queue: int, want: ops.WantedQueue, now_ms: int) -> None:
        self._transaction = transaction
        self._queue = queue
        self._want = want
        self._now_ms = now_ms
        self._lanes: dict[tuple[int, str], _Lane] = {}
        self._some_wait = some_wait_apart(transaction, queue)

    def take(self, node: bytes, limit: int, room_bytes: int) -> list[Claim]:
        """Claim for `node` what may be taken now, in order. What may not is put apart."""
        chosen: list[Claim] = []
        looked_at = 0
        whole = None
        if self._want.rate is not None and not self._want.rate.keyed:
            # Nothing needs to be put apart: what the queue's own rate keeps back, nobody overtakes.
            whole = self._lane(AWAITS_RATE, "")
            limit = min(limit, whole.free)
        while len(chosen) < limit and room_bytes > 0 and looked_at < _MOST_LOOKED_AT:
            page = min(max(limit, 100), _MOST_LOOKED_AT - looked_at)
            seen = 0
            taken: list[Claim] = []
            apart: list[tuple[int, int]] = []
            # Read row by row: a thousand payloads of a megabyte must not be loaded to keep sixteen of them.
            for row in self._transaction.execute(_READY, (self._queue, page)):
                if len(chosen) + len(taken) >= limit or room_bytes <= 0:
                    break
                seen += 1
                claim = claim_of_row(row, self._want.queue)
                lanes = self._lanes_of(claim.concurrency_key, row[-1])
                full = next((lane for lane in lanes if lane.free <= lane.taken or lane.others_wait), None)
                if full is not None:
                    apart.append((full.state, claim.seq))
                    continue
                for lane in lanes:
                    lane.taken += 1
                taken.append(claim)
                room_bytes -= len(claim.payload)
            looked_at += seen
            self._transaction.connection.executemany(TAKE, [(node, claim.seq) for claim in taken])
            for claim in taken:
                claim.token += 1
            chosen += taken
            self._transaction.connection.executemany("UPDATE deliveries SET state = ? WHERE seq = ?", apart)
            returned = self._let_older_return()
            if not returned and seen < page:
                break
        if whole is not None:
            whole.taken = len(chosen)
        if looked_at >= _MOST_LOOKED_AT:
            self._transaction.note_ready(self._queue)
        return chosen

    def _lanes_of(self, concurrency_key: str | None, rate_key: str | None) -> list[_Lane]:
        lanes = []
        if self._want.key_concurrency is not None and concurrency_key is not None:
            lanes.append(self._lane(AWAITS_KEY, concurrency_key))
        if self._want.rate is not None and self._want.rate.keyed and rate_key is not None:
            lanes.append(self._lane(AWAITS_RATE, rate_key))
        return lanes

    def _lane(self, state: int, key: str) -> _Lane:
        lane = self._lanes.get((state, key))
        if lane is None:
            lane = self._lanes[state, key] = self._load(state, key)
        return lane

    def _load(self, state: int, key: str) -> _Lane:
        others_wait = self._some_wait and bool(
            self._transaction.execute(
                f"SELECT 1 FROM deliveries WHERE queue = ? AND {_KEY_COLUMN[state]} = ? AND state = {state:d}"
                " LIMIT 1",
                (self._queue, key),
            ).get
        )
        if state == AWAITS_KEY:
            most = self._want.key_concurrency
            assert most is not None
            claimed: Any = self._transaction.execute(
                "SELECT count(*) FROM deliveries WHERE queue = ? AND concurrency_key = ? AND state = 3",
                (self._queue, key),
            ).get
            return _Lane(state, key, most - claimed, others_wait)
        rate = self._want.rate
        assert rate is not None
        starts = read_starts(self._transaction, self._queue, key)
        return _Lane(
            state, key, free_starts(starts, rate.limit, rate.period_ms, self._now_ms), others_wait, starts
        )

    def _let_older_return(self) -> bool:
        """Where a key has room and older messages wait, they become ready and are looked at next."""
        returned = False
        for lane in self._lanes.values():
            if lane.others_wait and lane.free > lane.taken:
                lane.others_wait = False
                room = lane.free - lane.taken
                returned = let_return(self._transaction, self._queue, lane.state, lane.key, room) or returned
        return returned

    def keep(self) -> None:
        """Remember what was taken, for the claims that come after."""
        rate = self._want.rate
        if rate is None:
            return
        rows = []
        for lane in self._lanes.values():
            if lane.state == AWAITS_RATE:
                if lane.taken:
                    note_starts(lane.starts, lane.taken, rate.limit, rate.period_ms, self._now_ms)
                full = lane.free <= lane.taken
                wake_at_ms = next_free_ms(lane.starts, rate.period_ms) if full else None
                rows.append(rate_row(self._queue, lane.key, rate, lane.starts, wake_at_ms))
        self._transaction.connection.executemany(_KEEP, rows)


def read_starts(transaction: Transaction, queue: int, key: str) -> Starts:
    text: Any = transaction.execute("SELECT starts FROM rates WHERE queue = ? AND key = ?", (queue, key)).get
    return [] if text is None else orjson.loads(text)


def rate_row(
    queue: int, key: str, rate: RateWindow, starts: Starts, wake_at_ms: int | None
) -> tuple[int, str, int, int, str, int | None]:
    return (queue, key, rate.limit, rate.period_ms, orjson.dumps(starts).decode(), wake_at_ms)


def let_return(transaction: Transaction, queue: int, state: int, key: str, count: int) -> bool:
    """The first `count` messages of a key that wait apart become ready; whether there were any."""
    transaction.execute(
        "UPDATE deliveries SET state = 0 WHERE seq IN (SELECT seq FROM deliveries"
        f" WHERE queue = ? AND {_KEY_COLUMN[state]} = ? AND state = {state:d} ORDER BY rank, seq LIMIT ?)",
        (queue, key, count),
    )
    return transaction.connection.changes() > 0


def let_all_return(transaction: Transaction, queue: int) -> None:
    """The queue has no limits per key any more: nothing needs to wait apart, a thousand at a time."""
    transaction.execute(
        "UPDATE deliveries SET state = 0 WHERE seq IN"
        " (SELECT seq FROM deliveries WHERE queue = ? AND state > 3 LIMIT 1000)",
        (queue,),
    )
    if transaction.connection.changes():
        transaction.note_ready(queue)


def wake_rates(transaction: Transaction, now_ms: int) -> int:
    """Keys whose rate has room again: what waits for it becomes ready. The number of such keys."""
    rows: list[Any] = transaction.execute(
        "SELECT queue, key, most, period FROM rates WHERE wake_at <= ? ORDER BY wake_at LIMIT 1000", (now_ms,)
    ).fetchall()
    for queue, key, most, period_ms in rows:
        starts = read_starts(transaction, queue, key)
        free = free_starts(starts, most, period_ms, now_ms)
        waited = let_return(transaction, queue, AWAITS_RATE, key, free)
        # Looked at again later even if nobody claims them, so that none is forgotten.
        wake_at_ms = now_ms + period_ms if waited else None
        if not starts and not waited:
            transaction.execute("DELETE FROM rates WHERE queue = ? AND key = ?", (queue, key))
        else:
            window = RateWindow(limit=most, period_ms=period_ms, keyed=True)
            transaction.execute(_KEEP, rate_row(queue, key, window, starts, wake_at_ms))
    if rows:
        transaction.forget_backlog()
        transaction.made_ready = True
    return len(rows)
