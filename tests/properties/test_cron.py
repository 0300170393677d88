"""Cron against a reference that walks real time minute by minute and knows no calendar arithmetic."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from motia.cron.expression import CronError, parse

ZONES = (
    "UTC",
    "Europe/Berlin",
    "Europe/London",
    "America/New_York",
    "America/Havana",
    "America/St_Johns",
    "America/Santiago",
    "Asia/Beirut",
    "Asia/Kolkata",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Antarctica/Troll",
)
MORE_ZONES = (
    *("Africa/El_Aaiun", "Africa/Johannesburg", "America/Asuncion", "America/Chicago", "America/Denver"),
    *("America/Godthab", "America/Halifax", "America/Los_Angeles", "America/Miquelon", "America/Phoenix"),
    *("America/Sao_Paulo", "America/Tijuana", "Asia/Gaza", "Asia/Jerusalem", "Asia/Kathmandu"),
    *("Asia/Tehran", "Asia/Tokyo", "Atlantic/Azores", "Australia/Adelaide", "Australia/Sydney"),
    *("Europe/Chisinau", "Europe/Dublin", "Europe/Istanbul", "Europe/Lisbon", "Pacific/Auckland"),
    "Pacific/Easter",
)
EXPRESSIONS = (
    "*/20 * * * *",
    "17 * * * *",
    "0 0 * * *",
    "30 0 * * *",
    "30 1 * * *",
    "0 2 * * *",
    "15,45 2 * * *",
    "30 2 * * SUN",
    "*/15 1-3 * * *",
    "5 */2 * * *",
    "0 0-23 * * *",
    "0 3 1-7 * SUN",
    "0 12 * * *",
)
RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
HALF_WINDOW = timedelta(days=1)
ONE_MINUTE = timedelta(minutes=1)


def members(text: str, low: int, high: int) -> set[int]:
    found: set[int] = set()
    for term in text.replace("SUN", "0").split(","):
        base, _, step = term.partition("/")
        first, _, last = base.partition("-")
        start = low if base == "*" else int(first)
        end = high if base == "*" else int(last) if last else (high if step else start)
        found.update(range(start, end + 1, int(step or 1)))
    return found


def matches(sets: list[set[int]], both_days: bool, wall: datetime) -> bool:
    if wall.minute not in sets[0] or wall.hour not in sets[1] or wall.month not in sets[3]:
        return False
    day = wall.day in sets[2]
    weekday = bool({wall.isoweekday(), wall.isoweekday() % 7} & sets[4])
    return (day and weekday) if both_days else (day or weekday)


class Minute(NamedTuple):
    """One minute of real time, and what the clock on the wall shows."""

    epoch_s: int
    wall: datetime
    repeated: bool
    """Whether the clock showed the same before."""
    skipped: tuple[datetime, ...]
    """What the clock never showed, right before this."""


@lru_cache
def windows(zone: str) -> list[list[Minute]]:
    """Around each change of the clocks in 2025, the end of the year and a leap day: every minute."""
    tz = ZoneInfo(zone)
    moment = datetime(2025, 1, 1, tzinfo=UTC)
    centres = [datetime(2025, 12, 31, tzinfo=UTC), datetime(2028, 2, 29, tzinfo=UTC)]
    offset = moment.astimezone(tz).utcoffset()
    while moment.year == 2025:
        later = moment + timedelta(hours=1)
        if offset != (offset := later.astimezone(tz).utcoffset()):
            centres.append(moment)
        moment = later
    return [_walk(centre - HALF_WINDOW, tz) for centre in centres]


def _walk(start: datetime, tz: ZoneInfo) -> list[Minute]:
    found: list[Minute] = []
    seen: set[datetime] = set()
    for number in range(int(2 * HALF_WINDOW / ONE_MINUTE)):
        moment = start + number * ONE_MINUTE
        wall = moment.astimezone(tz).replace(tzinfo=None)
        skipped = []
        if found:
            missing = found[-1].wall + ONE_MINUTE
            while missing < wall:
                skipped.append(missing)
                missing += ONE_MINUTE
        found.append(Minute(int(moment.timestamp()), wall, wall in seen, tuple(skipped)))
        seen.add(wall)
    return found


def reference(expression: str, minutes: list[Minute]) -> list[int]:
    fields = expression.split()
    sets = [members(text, low, high) for text, (low, high) in zip(fields, RANGES, strict=True)]
    both_days = fields[2].startswith("*") or fields[4].startswith("*")
    fixed = not fields[0].startswith("*") and not fields[1].startswith("*")
    ticks = []
    for minute in minutes:
        due = matches(sets, both_days, minute.wall) and not (fixed and minute.repeated)
        if fixed and minute.skipped:
            due = due or any(matches(sets, both_days, wall) for wall in minute.skipped)
        if due:
            ticks.append(minute.epoch_s * 1000)
    return ticks


@pytest.mark.parametrize(
    "zone", [*ZONES, *(pytest.param(zone, marks=pytest.mark.proof) for zone in MORE_ZONES)]
)
def test_equals_the_reference_around_every_change_of_the_clocks(zone: str) -> None:
    for minutes in windows(zone):
        start_ms, end_ms = minutes[0].epoch_s * 1000 - 1, minutes[-1].epoch_s * 1000
        for expression in EXPRESSIONS:
            expected = reference(expression, minutes)
            schedule = parse(expression, zone)
            assert schedule.ticks_between(start_ms, end_ms, 100_000) == expected, expression
            with_seconds = parse(f"0,40 {expression}", zone)
            both = [tick + extra for tick in expected for extra in (0, 40_000)]
            assert with_seconds.ticks_between(start_ms, end_ms + 59_000, 100_000) == both, expression


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(ZONES), st.sampled_from(EXPRESSIONS), st.data())
def test_next_after_any_moment_is_the_next_tick_of_the_reference(
    zone: str, expression: str, data: st.DataObject
) -> None:
    minutes = data.draw(st.sampled_from(windows(zone)))
    # Half of the moments lie close to the change itself.
    middle = len(minutes) // 2
    index = data.draw(st.integers(200, len(minutes) - 1) | st.integers(middle - 200, middle + 200))
    after_ms = minutes[index].epoch_s * 1000 + data.draw(st.integers(0, 59_999))
    later = [tick for tick in reference(expression, minutes) if tick > after_ms]
    found = parse(expression, zone).next_after(after_ms)
    if later:
        assert found == later[0]
    else:
        assert found is not None
        assert found > minutes[-1].epoch_s * 1000


@settings(max_examples=500, deadline=None)
@given(
    st.text(alphabet="0123456789*/,-?#LW@ MONJAN²", max_size=40)
    | st.lists(
        st.sampled_from(["*", "*/5", "1-5", "L", "LW", "?", "3#2", "MON", "61", "5L", "2/3", "1,2"]),
        min_size=5,
        max_size=7,
    ).map(" ".join)
)
def test_any_text_parses_or_is_refused_with_a_reason(text: str) -> None:
    try:
        schedule = parse(text, "Europe/Berlin")
    except CronError as error:
        refusal = error.message
    else:
        refusal = ""
        now_ms = 1_764_000_000_000
        tick = schedule.next_after(now_ms)
        assert tick is None or (tick > now_ms and tick % 1000 == 0)
    assert refusal == "" or "expected" in refusal
