"""Finds long integers in JSON text by samples: most texts have none, and a search of each would cost more."""

from __future__ import annotations

import json
import re
from typing import Any

_DIGIT_OR_NOT = bytes(ord("0") if chr(byte).isdecimal() and byte < 128 else ord(" ") for byte in range(256))
_WHOLE = re.compile(rb"(?<![0-9.])[0-9]{19,}(?![0-9.eE])")
_LEAST, _MOST = -(2**63), 2**64 - 1
"""What the JSON reader holds exactly; it makes a float of an integer beyond."""


def may_have_sixteen_digits(text: bytes) -> bool:
    """Whether there may be sixteen digits in a row, of which every fourth byte finds four. Never False where
    there are."""
    return text[::4].translate(_DIGIT_OR_NOT).find(b"0000") >= 0


def path_of_larger_than_64_bits(text: bytes) -> str | None:
    """Where, as in `items[0].id`, strict JSON has an integer that 64 bits do not hold; None = nowhere, empty
    for the whole value."""
    # It has nineteen digits, of which every third byte finds six.
    if text[::3].translate(_DIGIT_OR_NOT).find(b"000000") < 0 or _WHOLE.search(text) is None:
        return None
    return _path_of(json.loads(text, parse_int=_TooLarge.if_it_is), "")


class _TooLarge:
    @classmethod
    def if_it_is(cls, digits: str) -> _TooLarge | None:
        # Twenty-one characters hold the sign and all digits of what may be within; longer ones cost much.
        return None if len(digits) < 22 and _LEAST <= int(digits) <= _MOST else cls()


def _path_of(value: Any, path: str) -> str | None:
    if isinstance(value, _TooLarge):
        return path
    items: list[tuple[str, Any]] = []
    if isinstance(value, dict):
        items = [(f"{path}.{key}" if path else key, item) for key, item in value.items()]
    elif isinstance(value, list):
        items = [(f"{path}[{index}]", item) for index, item in enumerate(value)]
    return next((found for where, item in items if (found := _path_of(item, where)) is not None), None)
