"""What is read of a delivery that a node takes, and how it is taken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from motia.backends.sqlite.queue import unpack_trace
from motia.core.message import Claim, QueueName

TAKE = "UPDATE deliveries SET state = 3, claimed_by = ?, token = token + 1 WHERE seq = ?"
COLUMNS = (
    "d.seq, d.id, d.token, d.payload, d.trace, d.enqueued_at, d.failures, d.crashes, d.group_key,"
    " d.attributes, d.errors, d.suspect, d.expires_at, d.concurrency_key, d.due_at"
)
"""Of `deliveries d`, for `claim_of_row`."""


def claim_of_row(row: Sequence[Any], queue: QueueName) -> Claim:
    """The claim of a row that begins with `COLUMNS`."""
    return Claim(
        seq=row[0],
        id=row[1],
        queue=queue,
        token=row[2],
        payload=row[3],
        trace=unpack_trace(row[4]),
        enqueued_at_ms=row[5],
        failures=row[6],
        crashes=row[7],
        group=row[8],
        attributes=row[9] or b"",
        errors=row[10] or b"",
        suspect=bool(row[11]),
        expires_at_ms=row[12],
        concurrency_key=row[13],
        due_at_ms=row[14],
    )
