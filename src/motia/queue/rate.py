"""Rate limits: at most so many starts within any period. Pure; backends keep the starts."""

from __future__ import annotations

from bisect import bisect_right
from operator import itemgetter

_EXACT = 50
"""The highest limit of which every start is remembered."""
_GRAINS, _COARSE_GRAINS = 50, 5
"""Into how many parts the period of a higher one is divided: when half of it is used, and before."""
_TIME, _COUNT = itemgetter(0), itemgetter(1)

Starts = list[list[int]]
"""How many messages started at which time, `[time, count]`, the oldest first: what a rate limit remembers."""


def free_starts(starts: Starts, limit: int, period_ms: int, now_ms: int) -> int:
    """How many messages may start now. Forgets what is older than the period."""
    if starts and starts[0][0] <= now_ms - period_ms:
        del starts[: bisect_right(starts, now_ms - period_ms, key=_TIME)]
    # A clock set back must not keep a queue waiting for longer than one period.
    while starts and starts[-1][0] > now_ms + period_ms:
        starts.pop()
    started: int = sum(map(_COUNT, starts))
    return max(0, limit - started)


def note_starts(starts: Starts, count: int, limit: int, period_ms: int, now_ms: int) -> None:
    """Remember that `count` start now. What is remembered stays small: a high limit has its times rounded up
    to a part of the period, the coarser the farther it is from being used up; a lower one has few of them."""
    grain_ms = 1
    if limit > _EXACT:
        used: int = sum(map(_COUNT, starts)) + count
        grain_ms = max(1, period_ms // (_GRAINS if used * 2 > limit else _COARSE_GRAINS))
    at_ms = -(-now_ms // grain_ms) * grain_ms
    if starts and starts[-1][0] >= at_ms:
        # The same, or the clock was set back: they count for longer rather than out of order.
        starts[-1][1] += count
    else:
        starts.append([at_ms, count])


def next_free_ms(starts: Starts, period_ms: int) -> int:
    """When the oldest start leaves the period. Only for a window without a free start."""
    return starts[0][0] + period_ms
