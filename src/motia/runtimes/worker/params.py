"""Members of a worker's calls, held against what the protocol says of them."""

from __future__ import annotations

from typing import Any


class BadParams(Exception):
    """The params of a call are not what the protocol says."""


def text_of(value: Any) -> str:
    if type(value) is not str:
        raise BadParams(f"expected a text, got {value!r:.80}")
    return value


def number_of(value: Any) -> float | None:
    if value is None:
        return None
    if type(value) not in (int, float):
        raise BadParams(f"expected a number, got {value!r:.80}")
    return float(value)


def integer_of(value: Any) -> int | None:
    if value is None:
        return None
    if type(value) is not int:
        raise BadParams(f"expected an integer, got {value!r:.80}")
    return value
