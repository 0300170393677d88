"""Ticks of the past, and their ids: made again they are the same, so that a repeat stores nothing twice."""

from __future__ import annotations

import hashlib

from motia.cron.expression import CronExpression
from motia.errors import InputError

MOST_TICKS = 10_000


def ticks_between(expression: CronExpression, from_ms: int, to_ms: int) -> list[int]:
    """Every tick from `from_ms` up to, but not at, `to_ms`. Failure: `InputError` `cron.too_many_ticks`."""
    found = expression.ticks_between(from_ms - 1, to_ms - 1, MOST_TICKS + 1)
    if len(found) > MOST_TICKS:
        raise InputError(
            f"backfill: expected at most {MOST_TICKS} ticks, got more",
            code="cron.too_many_ticks",
            hint="choose a shorter time",
        )
    return found


def tick_id(schedule_key: str, at_ms: int) -> bytes:
    """The id of a tick's message."""
    return hashlib.sha256(f"{schedule_key} {at_ms}".encode()).digest()[:16]
