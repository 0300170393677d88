"""Rate limits: at most so many starts within any period. Pure; backends keep the starts."""

from __future__ import annotations

Starts = list[tuple[int, int]]
"""How many messages started at which time, the oldest first: what a rate limit remembers."""


def free_starts(starts: Starts, limit: int, period_ms: int, now_ms: int) -> int:
    """How many messages may start now. Forgets what is older than the period."""
    # A clock set back must not keep a queue waiting for longer than one period.
    starts[:] = [
        (at_ms, count) for at_ms, count in starts if now_ms - period_ms < at_ms <= now_ms + period_ms
    ]
    return max(0, limit - sum(count for _, count in starts))


def note_starts(starts: Starts, count: int, period_ms: int, now_ms: int) -> None:
    """Remember that `count` start now. Times are rounded up to a thousandth of the period, so that a long
    period with a high limit stays small."""
    grain_ms = max(1, period_ms // 1000)
    at_ms = -(-now_ms // grain_ms) * grain_ms
    if starts and starts[-1][0] == at_ms:
        starts[-1] = (at_ms, starts[-1][1] + count)
    else:
        starts.append((at_ms, count))


def next_free_ms(starts: Starts, period_ms: int) -> int:
    """When the oldest start leaves the period. Only for a window without a free start."""
    return starts[0][0] + period_ms
