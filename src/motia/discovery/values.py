"""Small readings of config values: key spellings, durations, points in time. Pure."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from motia.authoring.durations import seconds
from motia.errors import InputError

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_FIRST_EPOCH_IN_MS = 100_000_000_000
"""Epoch numbers from here on are milliseconds: as seconds this is the year 5138."""


@functools.lru_cache(maxsize=1024)
def snake(key: str) -> str:
    """`bodySchema` and `body-schema` as `body_schema`."""
    return _HUMP.sub("_", key).replace("-", "_").lower()


def duration_s(value: Any) -> float | None:
    """Seconds of a number, a `timedelta` or a text such as "5m" or "1h 30m"; None when it is no duration."""
    try:
        return seconds(value)
    except InputError:
        return None


def epoch_ms(value: Any) -> int | None:
    """UTC epoch milliseconds of a `datetime`, an ISO text (UTC where it names no zone) or an epoch number."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        if not math.isfinite(value) or value < 0:
            return None
        return int(value) if value >= _FIRST_EPOCH_IN_MS else int(value * 1000)
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    aware = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1000)


def shown(value: Any) -> str:
    """A value as an error message quotes it: short, on one line."""
    if isinstance(value, Mapping) and "$function" in value:
        return "a function"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)
_UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}


def size_bytes(value: Any) -> int | None:
    """Bytes of a whole number or a text such as "512MB" (of 1024 × 1024 bytes); None when it is no size."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    found = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    return None if found is None else int(float(found[1]) * _UNITS[found[2].upper()])
