"""A workflow's delivery is put aside until its time or its mail comes."""

from __future__ import annotations

import orjson

from motia.backends.sqlite.schema import READY, SCHEDULED
from motia.backends.sqlite.transaction import Transaction
from motia.core import batch as ops
from motia.core.message import Claim


def suspend(transaction: Transaction, claim: Claim, settlement: ops.Suspended) -> None:
    """Park the delivery; the caller has yet to see whether a row was changed."""
    state, due_at_ms = SCHEDULED, settlement.due_at_ms
    if settlement.waits:
        standing = transaction.execute(
            "SELECT count(*) FROM waits WHERE id = ? AND step = ?"
            " AND name IN (SELECT value FROM json_each(?))",
            (claim.id, claim.queue.step, orjson.dumps(list(settlement.waits)).decode()),
        ).get
        if standing < len(settlement.waits):
            # Some mail came while the handler was on its way out.
            state, due_at_ms = READY, None
            transaction.note_ready(transaction.queue_id(claim.queue))
    transaction.execute(
        "UPDATE deliveries SET state = ?, due_at = ?, claimed_by = NULL, suspect = 0"
        " WHERE seq = ? AND id = ? AND token = ? AND state = 3",
        (state, due_at_ms, claim.seq, claim.id, claim.token),
    )
