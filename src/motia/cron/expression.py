"""Cron expressions of 5, 6 and 7 fields in any time zone: a thin front over cronsim.

cronsim parses the fields and walks the calendar in plain wall-clock time; this front adds seconds, years and
`?`, and maps wall-clock minutes to instants the way Debian's cron treats a change of the clocks:

- A job at fixed times (neither minutes nor hours start with `*`) runs once a wall-clock time: one that the
  clocks skip runs when they have jumped, one that comes twice runs the first time.
- A job that repeats within the hour or every hour follows real time: skipped minutes are skipped, minutes
  that come twice run twice.

Days of the week count from 0 or 7 = Sunday in every form. If both fields of days are restricted, either is
enough.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from heapq import heappop, heappush
from itertools import islice, takewhile
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from cronsim import CronSim, CronSimError

from motia.core.spelling import did_you_mean

MAX_EXPRESSION_CHARS = 256
_FIELDS = (
    ("seconds", "0-59", 59),
    ("minutes", "0-59", 59),
    ("hours", "0-23", 23),
    ("days of the month", "1-31", 31),
    ("months", "1-12 or JAN-DEC", 12),
    ("days of the week", "0-7 or SUN-SAT", 7),
    ("years", "1970-2099", 2099),
)
_MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_FORMS = "minute hour day month weekday, with seconds first for 6 fields and the year last for 7"
_MINUTE = timedelta(minutes=1)
_EPOCH = datetime(1970, 1, 1)
# No zone sets its clocks back by more; only walls this near behind us can come again.
_LONGEST_REPEAT = timedelta(hours=3)


class CronError(ValueError):
    """An expression or a time zone makes no sense; `hint` says how to fix it."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True)
class CronExpression:
    """The times of one schedule. All of them are UTC epoch milliseconds, on whole seconds."""

    text: str
    timezone: str
    _fields: str = field(repr=False)
    """The five fields that cronsim walks."""
    _seconds: tuple[int, ...] = field(repr=False)
    _years: tuple[int, ...] | None = field(repr=False)
    _fixed_times: bool = field(repr=False)
    _zone: tzinfo = field(repr=False, compare=False)

    def next_after(self, after_ms: int) -> int | None:
        """The first time strictly later than `after_ms`; None when the schedule has ended."""
        return next(self._instants(after_ms), None)

    def ticks_between(self, after_ms: int, until_ms: int, limit: int) -> list[int]:
        """The first `limit` times later than `after_ms` and not later than `until_ms`, in order."""
        return list(islice(takewhile(lambda tick: tick <= until_ms, self._instants(after_ms)), limit))

    def latest_ticks(self, after_ms: int, until_ms: int, limit: int) -> list[int]:
        """The last `limit` times of the same span, in order. Its cost does not grow with the span."""
        ticks = self.ticks_between(after_ms, until_ms, limit + 1)
        low, high = after_ms, until_ms
        while len(ticks) > limit:
            # Bisect for a start that leaves `limit` times: fewer ticks follow a later start.
            middle = (low + high) // 2
            found = self.ticks_between(middle, until_ms, limit + 1)
            if len(found) < limit:
                high = middle
            else:
                low, ticks = middle, found
        return ticks

    def _instants(self, after_ms: int) -> Iterator[int]:
        for minute_s in self._minutes(after_ms):
            for second in self._seconds:
                instant_ms = (minute_s + second) * 1000
                if instant_ms > after_ms:
                    yield instant_ms

    def _minutes(self, after_ms: int) -> Iterator[int]:
        after = datetime.fromtimestamp(after_ms // 1000, UTC)
        wall = after.astimezone(self._zone).replace(tzinfo=None, second=0)
        start = wall - _MINUTE
        if not self._fixed_times and self._offset(after + _LONGEST_REPEAT) < self._offset(after):
            start = wall - _LONGEST_REPEAT
        waiting: list[int] = []
        last = None
        for wall in self._walls(start):
            times = self._instants_of(wall)
            for time_s in times:
                heappush(waiting, time_s)
            # First occurrences only grow: whatever waits up to this one cannot be overtaken any more.
            while times and waiting and waiting[0] <= times[0]:
                minute_s = heappop(waiting)
                if minute_s != last:
                    yield minute_s
                last = minute_s
        yield from sorted(waiting)

    def _walls(self, after: datetime) -> Iterator[datetime]:
        walls = CronSim(self._fields, after)
        while (wall := next(walls, None)) is not None:
            if self._years is None or wall.year in self._years:
                yield wall
                continue
            year = next((year for year in self._years if year > wall.year), None)
            if year is None:
                return
            walls = CronSim(self._fields, datetime(year, 1, 1) - _MINUTE)

    def _instants_of(self, wall: datetime) -> list[int]:
        first, second = self._offset_of(wall, 0), self._offset_of(wall, 1)
        if first == second:
            return [_epoch_s(wall - first)]
        if first > second:
            times = [_epoch_s(wall - first), _epoch_s(wall - second)]
            return times[:1] if self._fixed_times else times
        if not self._fixed_times:
            return []
        while self._offset_of(wall, 0) < self._offset_of(wall, 1):
            wall += _MINUTE
        return [_epoch_s(wall - self._offset_of(wall, 0))]

    def _offset(self, moment: datetime) -> timedelta:
        return moment.astimezone(self._zone).utcoffset() or timedelta()

    def _offset_of(self, wall: datetime, fold: int) -> timedelta:
        return wall.replace(tzinfo=self._zone, fold=fold).utcoffset() or timedelta()


def parse(expression: str, timezone: str = "UTC") -> CronExpression:
    """The schedule that an expression describes. Failure: `CronError` naming the field that is wrong."""
    text = expression.strip()
    if len(text) > MAX_EXPRESSION_CHARS:
        raise CronError(
            f"expected an expression of at most {MAX_EXPRESSION_CHARS} characters, got {len(text)}"
        )
    fields = _MACROS.get(text.lower(), text).upper().split()
    if text.startswith("@") and text.lower() not in _MACROS:
        raise CronError(f"expected one of {', '.join(_MACROS)}, got {text!r}", f"write {_FORMS}")
    if len(fields) not in (5, 6, 7):
        raise CronError(f"expected 5, 6 or 7 fields, got {len(fields)} in {text!r}", f"write {_FORMS}")
    with_seconds = fields if len(fields) > 5 else ["0", *fields]
    offset = 1 if len(fields) > 5 else 0
    plain = [_checked(part, position, position + offset) for position, part in enumerate(with_seconds[:6])]
    years = _years(with_seconds[6]) if len(with_seconds) == 7 else None
    five = " ".join(plain[1:])
    try:
        CronSim(five, _EPOCH)
    except CronSimError as error:
        raise CronError(
            f"field {3 + offset} (days of the month): expected a day that its months have, got {plain[3]!r}",
            "no month of the expression is that long",
        ) from error
    seconds = CronSim(f"{plain[0]} * * * * *", _EPOCH).seconds
    return CronExpression(
        text=text,
        timezone=timezone,
        _fields=five,
        _seconds=tuple(sorted(seconds)),
        _years=years,
        _fixed_times=not plain[1].startswith("*") and not plain[2].startswith("*"),
        _zone=_zone(timezone),
    )


def _epoch_s(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(seconds=1)


def _checked(part: str, position: int, number: int) -> str:
    """A field that cronsim accepts; `position` counts from seconds = 0, `number` is what the author sees."""
    name, _, _ = _FIELDS[position]
    if "?" in part:
        if part != "?" or position not in (3, 5):
            raise CronError(
                f"field {number} ({name}): expected no '?', got {part!r}",
                "'?' stands alone in a field of days",
            )
        return "*"
    for term in part.split(","):
        if not _accepts(term, position):
            raise _blame(term, position, number)
    return part


def _accepts(term: str, position: int) -> bool:
    parts = ["*"] * 6
    parts[position] = term
    # A day of the month alone is measured against every month, so that only its own form counts here.
    try:
        CronSim(" ".join(parts), _EPOCH)
    except CronSimError:
        return False
    return True


def _blame(term: str, position: int, number: int) -> CronError:
    name, allowed, highest = _FIELDS[position]
    where = f"field {number} ({name})"
    base, _, step = term.partition("/")
    lowest = 1 if position in (3, 4) else 0
    for text in re.findall(r"(?<![A-Z0-9#])\d+(?![A-Z0-9])", base):
        if not lowest <= int(text) <= highest:
            return CronError(f"{where}: expected {allowed}, got {int(text)}")
    if "/" in term and (not step.isdigit() or int(step) == 0):
        return CronError(f"{where}: expected a step of 1 or more after '/', got {step!r}")
    if re.fullmatch(r"[A-Z0-9]+-[A-Z0-9]+", base):
        return CronError(
            f"{where}: expected a range that goes up, got {term!r}", "write a list of two ranges instead"
        )
    if position == 3 and term.endswith("W"):
        return CronError(
            f"{where}: expected {allowed}, L or LW, got {term!r}", "the nearest weekday (W) is not supported"
        )
    return CronError(f"{where}: expected {allowed}, a list, a range or a step, got {term!r}")


def _years(part: str) -> tuple[int, ...] | None:
    if part in ("*", "?"):
        return None
    years: set[int] = set()
    for term in part.split(","):
        match = re.fullmatch(r"(\*|(\d{4})(?:-(\d{4}))?)(?:/([1-9]\d{0,3}))?", term, re.ASCII)
        first = int(match[2] or 1970) if match else 0
        last = int(match[3] or (match[2] if match[2] and not match[4] else 2099)) if match else 0
        if match is None or not 1970 <= first <= last <= 2099:
            raise CronError(
                f"field 7 (years): expected {_FIELDS[6][1]}, a list, a range or a step, got {term!r}"
            )
        years.update(range(first, last + 1, int(match[4] or 1)))
    return tuple(sorted(years))


@lru_cache(maxsize=64)
def _zone(name: str) -> tzinfo:
    if name.upper() in ("UTC", "Z"):
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        slim = "a slim image without time zones needs the package tzdata"
        hint = did_you_mean(name, available_timezones(), slim)
        raise CronError(f"expected an IANA time zone such as 'Europe/Berlin', got {name!r}", hint) from error
