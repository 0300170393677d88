"""Rate limits: what is remembered of starts, and what it allows."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from motia.queue.rate import Starts, free_starts, note_starts

Steps = list[tuple[int, int]]
"""How long after the one before somebody asks, and for how many starts."""


def _started(steps: Steps, limit: int, period_ms: int) -> list[tuple[int, int]]:
    """When how many were allowed to start."""
    starts: Starts = []
    now_ms, allowed = 0, []
    for after_ms, asked in steps:
        now_ms += after_ms
        count = min(asked, free_starts(starts, limit, period_ms, now_ms))
        if count:
            note_starts(starts, count, limit, period_ms, now_ms)
            allowed.append((now_ms, count))
        assert len(starts) <= 51
    return allowed


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 700), st.integers(1, 400)), max_size=60),
    st.sampled_from([1, 3, 50, 51, 200]),
    st.sampled_from([10, 1000, 60_000]),
)
def test_no_period_has_more_starts_than_the_limit(steps: Steps, limit: int, period_ms: int) -> None:
    allowed = _started(steps, limit, period_ms)
    for first_ms, _ in allowed:
        within = [count for at_ms, count in allowed if first_ms <= at_ms < first_ms + period_ms]
        assert sum(within) <= limit


def test_a_low_limit_is_exact() -> None:
    starts: Starts = []
    note_starts(starts, 50, 50, 60_000, 17)
    assert free_starts(starts, 50, 60_000, 60_016) == 0
    assert free_starts(starts, 50, 60_000, 60_017) == 50


def test_a_high_limit_remembers_few_times_and_is_late_by_a_fiftieth_at_most() -> None:
    starts: Starts = []
    for now_ms in range(1, 60_000, 7):
        note_starts(starts, 1, 10_000, 60_000, now_ms)
    assert len(starts) <= 51
    full: Starts = []
    note_starts(full, 10_000, 10_000, 60_000, 1)
    assert free_starts(full, 10_000, 60_000, 61_199) == 0
    assert free_starts(full, 10_000, 60_000, 61_200) == 10_000


def test_a_high_limit_that_is_far_from_used_up_remembers_a_handful_of_times() -> None:
    starts: Starts = []
    for now_ms in range(1, 60_000, 100):
        note_starts(starts, 1, 10_000, 60_000, now_ms)
    assert len(starts) == 5


@pytest.mark.parametrize("back_ms", [10, 999, 1000, 86_400_000])
def test_a_clock_set_back_neither_forgets_what_just_started_nor_waits_for_long(back_ms: int) -> None:
    starts: Starts = []
    note_starts(starts, 2, 2, 1000, 100_000_000)
    now_ms = 100_000_000 - back_ms
    if free_starts(starts, 2, 1000, now_ms):
        note_starts(starts, 1, 2, 1000, now_ms)
    assert [at_ms for at_ms, _ in starts] == sorted(at_ms for at_ms, _ in starts)
    assert free_starts(starts, 2, 1000, now_ms + 2001) == 2
