"""The parts of a queue's policy that hold messages back, put them off or bundle them, in all spellings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from motia.core.flow import Batching, Debounce, Dedupe, FieldPath, KeyedConcurrency, RateLimit
from motia.core.trigger import Idempotency
from motia.discovery.section import Section, read_section
from motia.discovery.values import duration_s

_DAY_S = 86_400.0
_RATE_TEXT = re.compile(r"(\d+)\s*(?:/|per)\s*(.+)")
_PERIOD_NAMES = {
    "second": 1.0,
    "sec": 1.0,
    "minute": 60.0,
    "min": 60.0,
    "hour": 3600.0,
    "day": _DAY_S,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": _DAY_S,
}


def _part(
    section: Section, key: str, *, aliases: Mapping[str, str], known: tuple[str, ...]
) -> Section | None:
    """The mapping at `key`, as a section of its own; None where it is no mapping."""
    value = section.value(key)
    if not isinstance(value, Mapping):
        return None
    return read_section(value, section.at(key), section.report, aliases=aliases, known=known)


def _field(part: Section) -> FieldPath | None:
    """The payload field at `key`."""
    value = part.value("key")
    if value is None or (isinstance(value, str) and value.strip()):
        return value
    part.wrong("key", 'a field of the payload, such as "user.id"')
    return None


def read_concurrency(section: Section) -> tuple[int | None, KeyedConcurrency | None]:
    """Of the whole queue, and of each value of a key: `5`, or `{limit, key, total}`."""
    part = _part(section, "concurrency", aliases={"max": "limit"}, known=("limit", "key", "total"))
    if part is None:
        return section.integer("concurrency", 1), None
    limit, key, total = part.integer("limit", 1), _field(part), part.integer("total", 1)
    if limit is None:
        if "limit" not in part.entries:
            section.wrong("concurrency", "a whole number, or {limit, key, total}")
        return total, None
    if key is None:
        return min(limit, total or limit), None
    return total, KeyedConcurrency(limit=limit, key=key)


def read_rate_limit(section: Section) -> RateLimit | None:
    """`"100/minute"`, or `{limit, period, key}`."""
    value = section.value("rate_limit")
    expected = '"100/minute" or {limit, period, key}'
    if isinstance(value, str):
        rate = rate_of_text(value)
        if rate is None:
            section.wrong("rate_limit", expected)
        return rate
    aliases = {"max": "limit", "per": "period", "duration": "period", "window": "period"}
    part = _part(section, "rate_limit", aliases=aliases, known=("limit", "period", "key"))
    if part is None:
        if value is not None:
            section.wrong("rate_limit", expected)
        return None
    limit, key = part.integer("limit", 1), _field(part)
    period = part.value("period")
    period_s = _period_s(period) if isinstance(period, str) else part.seconds("period")
    if limit is None or not period_s or period_s < 0.001:
        section.wrong("rate_limit", expected)
        return None
    return RateLimit(limit=limit, period_s=period_s, key=key)


def rate_of_text(text: str) -> RateLimit | None:
    """The rate that a text such as `100/minute` means; None where it is none."""
    found = _RATE_TEXT.fullmatch(text.strip())
    period_s = None if found is None else _period_s(found[2].strip())
    if found is None or not period_s or int(found[1]) < 1:
        return None
    return RateLimit(limit=int(found[1]), period_s=period_s)


def _period_s(text: str) -> float | None:
    named = _PERIOD_NAMES.get(text.rstrip("s")) or _PERIOD_NAMES.get(text)
    return duration_s(text) if named is None else named


def read_priority(section: Section) -> int | FieldPath | None:
    """A whole number for every message, or the payload field that holds one."""
    value = section.value("priority")
    if value is None or (isinstance(value, str) and value.strip()):
        return value
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and abs(value) < 2**31 and float(value).is_integer():
        return int(value)
    section.wrong("priority", "a whole number, or the field of the payload that holds one")
    return None


def read_dedupe(section: Section) -> Dedupe | None:
    """`true` (the whole payload, a day), a field, or `{key, window}`."""
    value = section.value("dedupe")
    if value is None or value is False:
        return None
    if value is True:
        return Dedupe(window_s=_DAY_S)
    if isinstance(value, str):
        return Dedupe(window_s=_DAY_S, key=value)
    part = _part(section, "dedupe", aliases={"ttl": "window", "period": "window"}, known=("key", "window"))
    if part is None:
        section.wrong("dedupe", "true, a payload field, or {key, window}")
        return None
    window_s = part.seconds("window")
    return Dedupe(window_s=_DAY_S if window_s is None else window_s, key=_field(part))


def read_debounce(section: Section) -> Debounce | None:
    """A duration, or `{period, key, max}`."""
    aliases = {"delay": "period", "wait": "period", "max_wait": "max", "timeout": "max"}
    part = _part(section, "debounce", aliases=aliases, known=("period", "key", "max"))
    if part is None:
        period_s = section.seconds("debounce")
        return None if not period_s else Debounce(period_s=period_s)
    period_s = part.seconds("period")
    if not period_s:
        section.wrong("debounce", "a duration, or {period, key, max}")
        return None
    return Debounce(period_s=period_s, key=_field(part), max_wait_s=part.seconds("max"))


def read_batch(section: Section) -> Batching | None:
    """A size, or `{size, wait}`."""
    aliases = {"max": "size", "limit": "size", "timeout": "wait", "max_wait": "wait"}
    part = _part(section, "batch", aliases=aliases, known=("size", "wait"))
    if part is None:
        size: Any = section.integer("batch", 1)
        return None if size is None else Batching(size=size)
    size, wait_s = part.integer("size", 1), part.seconds("wait")
    if size is None:
        section.wrong("batch", "a size, or {size, wait}")
        return None
    return Batching(size=size) if wait_s is None else Batching(size=size, wait_s=wait_s)


def read_idempotency(section: Section) -> Idempotency | None:
    """`true`, the name of a header, or `{header, window, required}`."""
    value = section.value("idempotency")
    if value is None or value is False:
        return None
    if value is True:
        return Idempotency()
    if isinstance(value, str) and value.strip():
        return Idempotency(header=value.strip().lower())
    part = _part(section, "idempotency", aliases={"ttl": "window"}, known=("header", "window", "required"))
    if part is None:
        section.wrong("idempotency", "true, a header, or {header, window, required}")
        return None
    default = Idempotency()
    window_s = part.seconds("window")
    return Idempotency(
        header=(part.text("header") or default.header).lower(),
        window_s=default.window_s if window_s is None else window_s,
        required=part.flag("required") or False,
    )
