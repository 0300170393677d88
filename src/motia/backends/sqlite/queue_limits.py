"""Claims within limits: which ready messages may be taken, and which wait apart until their key has room.

What waits apart (`AWAITS_KEY`, `AWAITS_RATE`) is not looked at again until then, so that a million messages
of one busy key cost the others nothing.
"""

from __future__ import annotations

from typing import Any

from motia.backends.sqlite.claim_rows import COLUMNS, TAKE, claim_of_row
from motia.backends.sqlite.queue_lanes import (
    KEEP_RATE,
    KEY_COLUMN,
    Lanes,
    rate_row,
    read_starts,
)
from motia.backends.sqlite.schema import AWAITS_RATE
from motia.backends.sqlite.transaction import Transaction
from motia.core import batch as ops
from motia.core.flow import RateWindow
from motia.core.message import Claim
from motia.queue.rate import free_starts

_MOST_LOOKED_AT = 2000
"""Ready messages that one claim looks at in a queue; bounds how long the writer works for it."""
_READY = (
    f"SELECT {COLUMNS}, d.rate_key FROM deliveries d WHERE d.queue = ? AND d.state = 0"
    " ORDER BY d.rank, d.seq LIMIT ?"
)


def take_within_limits(
    transaction: Transaction,
    queue: int,
    want: ops.WantedQueue,
    *,
    node: bytes,
    room_bytes: int,
    now_ms: int,
) -> list[Claim]:
    """Claim for `node` what may be taken now, in order. What may not is put apart."""
    lanes = Lanes(transaction, queue, want.limits, now_ms)
    chosen: list[Claim] = []
    looked_at = 0
    limit = want.limit
    whole = lanes.of_all()
    if whole is not None:
        # Nothing needs to be put apart: what the queue's own rate keeps back, nobody overtakes.
        limit = min(limit, whole.free)
    while len(chosen) < limit and room_bytes > 0 and looked_at < _MOST_LOOKED_AT:
        page = min(max(limit, 100), _MOST_LOOKED_AT - looked_at)
        seen = 0
        taken: list[Claim] = []
        apart: list[tuple[int, int]] = []
        # Read row by row: a thousand payloads of a megabyte must not be loaded to keep sixteen of them.
        for row in transaction.execute(_READY, (queue, page)):
            if len(chosen) + len(taken) >= limit or room_bytes <= 0:
                break
            seen += 1
            claim = claim_of_row(row, want.queue)
            own = lanes.of_message(claim.concurrency_key, row[-1])
            full = next((lane for lane in own if lane.full), None)
            if full is not None:
                apart.append((full.state, claim.seq))
                continue
            for lane in own:
                lane.taken += 1
            taken.append(claim)
            room_bytes -= len(claim.payload)
        looked_at += seen
        transaction.connection.executemany(TAKE, [(node, claim.seq) for claim in taken])
        for claim in taken:
            claim.token += 1
        chosen += taken
        transaction.connection.executemany("UPDATE deliveries SET state = ? WHERE seq = ?", apart)
        returned = _let_older_return(transaction, lanes)
        if not returned and seen < page:
            break
    if whole is not None:
        whole.taken = len(chosen)
    if looked_at >= _MOST_LOOKED_AT:
        transaction.note_ready(queue)
    lanes.keep()
    return chosen


def _let_older_return(transaction: Transaction, lanes: Lanes) -> bool:
    """Where a key has room and older messages wait, they become ready and are looked at next."""
    returned = False
    for lane in lanes.seen():
        if lane.others_wait and lane.free > lane.taken:
            lane.others_wait = False
            room = lane.free - lane.taken
            returned = let_return(transaction, lanes.queue, lane.state, lane.key, room) or returned
    return returned


def let_return(transaction: Transaction, queue: int, state: int, key: str, count: int) -> bool:
    """The first `count` messages of a key that wait apart become ready; whether there were any."""
    transaction.execute(
        "UPDATE deliveries SET state = 0 WHERE seq IN (SELECT seq FROM deliveries"
        f" WHERE queue = ? AND {KEY_COLUMN[state]} = ? AND state = {state:d} ORDER BY rank, seq LIMIT ?)",
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
            transaction.execute(KEEP_RATE, rate_row(transaction, queue, key, window, starts, wake_at_ms))
    if rows:
        transaction.forget_backlog()
        transaction.made_ready = True
    return len(rows)
