"""Durations as people write them."""

from __future__ import annotations

import re
from datetime import timedelta

from motia.core.retry import LONGEST_WAIT_S
from motia.errors import InputError

Duration = float | int | str | timedelta

_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)\s*", re.IGNORECASE)
_SECONDS_OF_UNIT = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}


def seconds(value: Duration, where: str = "duration") -> float:
    """Seconds of a number of seconds, a `timedelta`, or a text such as "500ms", "5m", "1h 30m", "3d".

    Failure: `InputError` `duration.invalid`; a duration is never negative, and at most a hundred years.
    """
    result = _seconds(value)
    if result is None or not 0 <= result <= LONGEST_WAIT_S:
        raise InputError(
            f"{where}: expected a duration, got {value!r}",
            code="duration.invalid",
            hint='a number of seconds, a timedelta, or a text such as "30s", "5m", "1h 30m"',
        )
    return result


def optional_seconds(value: Duration | None) -> float | None:
    """`seconds` of a duration; None where there is none."""
    return None if value is None else seconds(value)


def _seconds(value: object) -> float | None:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, str):
        return None
    text = value.strip()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    if not text or _PART.sub("", text):
        return None
    return sum(float(number) * _SECONDS_OF_UNIT[unit.lower()] for number, unit in _PART.findall(text))
