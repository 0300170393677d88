from __future__ import annotations

import pytest

from motia.cron.expression import parse
from motia.cron.ticks import MAX_CATCH_UP, due_ticks

MINUTE = 60_000
EVERY_MINUTE = parse("* * * * *")
T = 1_764_000_000_000  # on a minute


def test_an_ordinary_wake_up_fires_its_tick_once() -> None:
    assert due_ticks(EVERY_MINUTE, T - MINUTE, T + 3, missed="skip") == [T]
    assert due_ticks(EVERY_MINUTE, T, T + 3, missed="skip") == []


@pytest.mark.parametrize(
    ("missed", "expected"),
    [("skip", []), ("once", [T]), ("all", [T - 2 * MINUTE, T - MINUTE, T])],
)
def test_after_a_pause(missed: str, expected: list[int]) -> None:
    assert due_ticks(EVERY_MINUTE, T - 3 * MINUTE, T + 40_000, missed=missed) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("missed", "expected"),
    [("skip", [T]), ("once", [T]), ("all", [T - 2 * MINUTE, T - MINUTE, T])],
)
def test_after_a_pause_that_ends_on_a_tick(missed: str, expected: list[int]) -> None:
    assert due_ticks(EVERY_MINUTE, T - 3 * MINUTE, T + 5, missed=missed) == expected  # type: ignore[arg-type]


def test_late_is_not_missed() -> None:
    seconds = parse("* * * * * *")
    due = due_ticks(seconds, T - 1000, T + 2_500, missed="skip", grace_ms=5_000)
    assert due == [T, T + 1000, T + 2000]


def test_a_catch_up_is_bounded_and_takes_the_latest() -> None:
    due = due_ticks(EVERY_MINUTE, T - 500 * MINUTE, T + 40_000, missed="all")
    assert len(due) == MAX_CATCH_UP
    assert due[-1] == T
    assert due == sorted(due)


def test_a_schedule_that_never_fired_misses_nothing() -> None:
    for missed in ("skip", "once", "all"):
        since = due_ticks(EVERY_MINUTE, None, T + 40_000, missed=missed, since_ms=T + 10)  # type: ignore[arg-type]
        assert since == []
        assert due_ticks(EVERY_MINUTE, None, T + 40_000, missed=missed) == []  # type: ignore[arg-type]
        fired = due_ticks(EVERY_MINUTE, None, T + 5, missed=missed, since_ms=T - 10)  # type: ignore[arg-type]
        assert fired == [T]


def test_a_clock_set_back_fires_nothing_again() -> None:
    assert due_ticks(EVERY_MINUTE, T + 10 * MINUTE, T + 3, missed="all") == []


def test_a_schedule_that_has_ended_is_never_due() -> None:
    assert due_ticks(parse("0 0 0 1 1 ? 2020"), T - MINUTE, T, missed="all") == []
