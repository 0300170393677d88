"""Which scheduled times to fire now, after an ordinary wake-up or a pause in which no node ran. Pure."""

from __future__ import annotations

from motia.core.trigger import MissedTicks
from motia.cron.expression import CronExpression

MAX_CATCH_UP = 100
GRACE_MS = 30_000
"""A time that passed less than this ago is late, not missed: longer than a node takes to be replaced."""


def due_ticks(
    expression: CronExpression,
    last_mark_ms: int | None,
    now_ms: int,
    *,
    missed: MissedTicks,
    grace_ms: int = GRACE_MS,
    since_ms: int | None = None,
) -> list[int]:
    """The scheduled times to fire now, oldest first, at most `MAX_CATCH_UP`, each later than the last mark.

    Times within `grace_ms` of `now_ms` are always due. Of the older ones `skip` takes none, `once` the
    latest if nothing is due anyway, `all` every one, and of more than `MAX_CATCH_UP` the latest.
    A schedule that never fired (`last_mark_ms` None) misses nothing: it begins at `since_ms`, when its node
    first saw it, or one grace ago.
    """
    on_time_after_ms = now_ms - grace_ms
    begin_ms = last_mark_ms
    if begin_ms is None:
        begin_ms = on_time_after_ms if since_ms is None else since_ms
    if begin_ms >= now_ms:
        return []
    on_time = expression.latest_ticks(max(begin_ms, on_time_after_ms), now_ms, MAX_CATCH_UP)
    if missed == "skip" or (missed == "once" and on_time):
        return on_time
    return expression.latest_ticks(begin_ms, now_ms, 1 if missed == "once" else MAX_CATCH_UP)
