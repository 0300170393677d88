from __future__ import annotations

from datetime import UTC, datetime

import pytest

from motia.cron.expression import CronError, parse


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def shown(tick_ms: int | None) -> str | None:
    if tick_ms is None:
        return None
    return datetime.fromtimestamp(tick_ms / 1000, UTC).isoformat()[:19].removesuffix(":00")


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        ("* * * * *", "2025-03-01T10:00", "2025-03-01T10:01"),
        ("*/15 9-17 * * MON-FRI", "2025-03-01T10:00", "2025-03-03T09:00"),
        ("30 5 * * TUE", "2025-03-01T10:00", "2025-03-04T05:30"),
        ("0 0 1 jan *", "2025-03-01T10:00", "2026-01-01T00:00"),
        ("0 0 29 2 *", "2025-03-01T10:00", "2028-02-29T00:00"),
        ("0 0 29 2 *", "2096-03-01T10:00", "2104-02-29T00:00"),
        ("59 23 31 12 *", "2025-12-31T23:59", "2026-12-31T23:59"),
        ("0 0 L * *", "2025-02-01T00:00", "2025-02-28T00:00"),
        ("0 0 * * 5#2", "2025-03-01T00:00", "2025-03-14T00:00"),
        ("0 0 * * 5L", "2025-03-01T00:00", "2025-03-28T00:00"),
        ("0 0 13 * FRI", "2025-03-01T00:00", "2025-03-07T00:00"),
        ("0 0 * * 7", "2025-03-01T00:00", "2025-03-02T00:00"),
        ("@hourly", "2025-03-01T10:00", "2025-03-01T11:00"),
        ("@daily", "2025-03-01T10:00", "2025-03-02T00:00"),
        ("@Midnight", "2025-03-01T10:00", "2025-03-02T00:00"),
        ("@weekly", "2025-03-01T10:00", "2025-03-02T00:00"),
        ("@monthly", "2025-03-01T10:00", "2025-04-01T00:00"),
        ("@yearly", "2025-03-01T10:00", "2026-01-01T00:00"),
        ("*/10 * * * * *", "2025-03-01T10:00:05", "2025-03-01T10:00:10"),
        ("*/10 * * * * *", "2025-03-01T10:00:50", "2025-03-01T10:01"),
        ("15,45 30 5 * * ?", "2025-03-01T05:30:15", "2025-03-01T05:30:45"),
        ("0 */5 * * * * *", "2025-03-01T10:00", "2025-03-01T10:05"),
        ("0 0/5 * * * * *", "2025-03-01T10:01", "2025-03-01T10:05"),
        ("5 * * * * * *", "2025-03-01T10:00:05", "2025-03-01T10:01:05"),
        ("0 0 0 1 1 ? 2030", "2025-03-01T10:00", "2030-01-01T00:00"),
        ("0 0 0 1 1 ? 2024,2028-2030/2", "2028-03-01T10:00", "2030-01-01T00:00"),
        ("0 0 0 1 1 ? 2024", "2025-03-01T10:00", None),
        ("0 0 0 31 12 ? 2099", "2099-12-31T00:00", None),
    ],
)
def test_next_after(expression: str, after: str, expected: str | None) -> None:
    assert shown(parse(expression).next_after(ms(after))) == expected


def test_a_time_is_strictly_later_to_the_millisecond() -> None:
    schedule = parse("* * * * *")
    tick = ms("2025-03-01T10:00")
    assert schedule.next_after(tick - 1) == tick
    assert schedule.next_after(tick) == tick + 60_000


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("0 25 * * *", "field 2 (hours): expected 0-23, got 25"),
        ("60 * * * *", "field 1 (minutes): expected 0-59, got 60"),
        ("60 0 * * * *", "field 1 (seconds): expected 0-59, got 60"),
        ("0 0 1,40 * * *", "field 3 (hours): expected 0-23, got 40"),
        ("0 0 0 * *", "field 3 (days of the month): expected 1-31, got 0"),
        ("0 0 * 13 *", "field 4 (months): expected 1-12 or JAN-DEC, got 13"),
        ("0 0 * * 8", "field 5 (days of the week): expected 0-7 or SUN-SAT, got 8"),
        ("5-1 * * * *", "field 1 (minutes): expected a range that goes up, got '5-1'"),
        ("*/0 * * * *", "field 1 (minutes): expected a step of 1 or more after '/', got '0'"),
        ("? * * * *", "field 1 (minutes): expected no '?', got '?'"),
        ("0 0 31 2 *", "field 3 (days of the month): expected a day that its months have, got '31'"),
        ("0 0 0 30 2 *", "field 4 (days of the month): expected a day that its months have, got '30'"),
        ("0 0 15W * *", "field 3 (days of the month): expected 1-31, L or LW, got '15W'"),
        ("* * *", "expected 5, 6 or 7 fields, got 3 in '* * *'"),
        ("", "expected 5, 6 or 7 fields, got 0 in ''"),
        ("0 0 0 * * * 1900", "field 7 (years): expected 1970-2099, a list, a range or a step, got '1900'"),
        ("0 0 0 * * * 2030-2020", "field 7 (years)"),
        ("@every 5m", "expected one of @yearly"),
        ("1" * 300, "expected an expression of at most 256 characters, got 300"),
    ],
)
def test_an_error_names_the_field(expression: str, message: str) -> None:
    with pytest.raises(CronError) as caught:
        parse(expression)
    assert caught.value.message.startswith(message)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("zone", ["Europe/Berln", "../etc/passwd", "", "Mars/Olympus", "/etc/localtime"])
def test_an_unknown_zone_is_an_error(zone: str) -> None:
    with pytest.raises(CronError, match="expected an IANA time zone"):
        parse("* * * * *", zone)


def test_a_misspelt_zone_gets_a_suggestion() -> None:
    with pytest.raises(CronError) as caught:
        parse("* * * * *", "Europe/Berln")
    assert caught.value.hint == "did you mean 'Europe/Berlin'?"


@pytest.mark.parametrize(
    ("zone", "expression", "after", "expected"),
    [
        # The clocks skip 02:30: the job runs when they have jumped, once.
        ("Europe/Berlin", "30 2 * * *", "2025-03-29T12:00", ["2025-03-30T01:00", "2025-03-31T00:30"]),
        ("Europe/Berlin", "0,30 2 * * *", "2025-03-30T00:00", ["2025-03-30T01:00", "2025-03-31T00:00"]),
        (
            "Europe/Berlin",
            "15 30 2 * * *",
            "2025-03-29T12:00",
            ["2025-03-30T01:00:15", "2025-03-31T00:30:15"],
        ),
        # 02:30 comes twice: the first counts.
        ("Europe/Berlin", "30 2 * * *", "2025-10-25T12:00", ["2025-10-26T00:30", "2025-10-27T01:30"]),
        ("Europe/Berlin", "30 2 * * *", "2025-10-26T01:10", ["2025-10-27T01:30", "2025-10-28T01:30"]),
        # A job every half hour follows real time.
        (
            "Europe/Berlin",
            "*/30 * * * *",
            "2025-10-26T00:00",
            ["2025-10-26T00:30", "2025-10-26T01:00", "2025-10-26T01:30", "2025-10-26T02:00"],
        ),
        ("Europe/Berlin", "*/30 2 * * *", "2025-03-30T00:00", ["2025-03-31T00:00", "2025-03-31T00:30"]),
        (
            "America/New_York",
            "30 2 * * *",
            "2025-03-09T00:00",
            ["2025-03-09T07:00", "2025-03-10T06:30"],
        ),
        (
            "America/New_York",
            "30 1 * * *",
            "2025-11-02T00:00",
            ["2025-11-02T05:30", "2025-11-03T06:30"],
        ),
        # Half an hour, at half past.
        (
            "Australia/Lord_Howe",
            "15 2 * * *",
            "2025-10-04T12:00",
            ["2025-10-04T15:30", "2025-10-05T15:15"],
        ),
        (
            "Australia/Lord_Howe",
            "0 2 * * *",
            "2025-04-05T12:00",
            ["2025-04-05T15:30", "2025-04-06T15:30"],
        ),
        # Midnight itself is skipped.
        ("Africa/Cairo", "0 0 * * *", "2025-04-24T12:00", ["2025-04-24T22:00", "2025-04-25T21:00"]),
        ("America/Havana", "0 0 * * *", "2025-03-08T12:00", ["2025-03-09T05:00", "2025-03-10T04:00"]),
        ("America/Havana", "0 0 * * *", "2025-11-01T12:00", ["2025-11-02T04:00", "2025-11-03T05:00"]),
        # Two hours at once; a whole day left out.
        (
            "Antarctica/Troll",
            "30 1 * * *",
            "2025-03-29T12:00",
            ["2025-03-30T01:00", "2025-03-30T23:30"],
        ),
        ("Pacific/Apia", "0 12 30 12 *", "2011-12-01T00:00", ["2011-12-30T10:00", "2012-12-29T22:00"]),
        ("Asia/Kolkata", "0 0 * * *", "2025-03-01T00:00", ["2025-03-01T18:30", "2025-03-02T18:30"]),
        ("Asia/Kathmandu", "0 6 * * *", "2025-03-01T00:00", ["2025-03-01T00:15", "2025-03-02T00:15"]),
        ("Asia/Tokyo", "0 0 1 1 *", "2025-06-01T00:00", ["2025-12-31T15:00", "2026-12-31T15:00"]),
    ],
)
def test_changes_of_the_clocks(zone: str, expression: str, after: str, expected: list[str]) -> None:
    ticks = parse(expression, zone).ticks_between(ms(after), ms("2099-01-01T00:00"), len(expected))
    assert [shown(tick) for tick in ticks] == expected


def test_ticks_between_leaves_out_its_start_and_holds_its_end() -> None:
    schedule = parse("*/10 * * * * *")
    start = ms("2025-03-01T10:00")
    assert schedule.ticks_between(start, start + 30_000, 10) == [
        start + 10_000,
        start + 20_000,
        start + 30_000,
    ]
    assert schedule.ticks_between(start, start + 30_000, 2) == [start + 10_000, start + 20_000]
    assert schedule.ticks_between(start, start, 10) == []


def test_latest_ticks_are_the_end_of_all_ticks() -> None:
    schedule = parse("*/7 * * * *", "Europe/London")
    start, end = ms("2025-10-25T00:00"), ms("2025-10-27T00:00")
    everything = schedule.ticks_between(start, end, 10_000)
    for limit in (1, 2, 50, len(everything) - 1, len(everything), len(everything) + 1):
        assert schedule.latest_ticks(start, end, limit) == everything[-limit:]


def test_the_latest_tick_of_ten_years_of_seconds() -> None:
    schedule = parse("* * * * * *")
    end = ms("2025-03-01T10:00")
    assert schedule.latest_ticks(ms("2015-03-01T10:00"), end, 2) == [end - 1000, end]
