"""JSON of anything at all: what people log is never refused, however odd it is."""

from __future__ import annotations

import itertools
import traceback
from collections import deque
from collections.abc import Mapping, Set
from decimal import Decimal
from pathlib import PurePath
from typing import Any

import orjson

from motia.errors import MotiaError

_OPTIONS = orjson.OPT_NON_STR_KEYS
_MAX_DEPTH = 12
_MAX_ITEMS = 200
_MAX_TEXT_CHARS = 2_000
_MAX_FRAMES = 30


def snapshot(value: Any) -> bytes:
    """The JSON text of a value as it is now. Never raises for what the value is.

    What JSON cannot carry is described: exceptions by type, message and stack, other objects by their
    `repr`, a value inside itself as `<circular>`, secrets of Pydantic as stars.
    """
    try:
        return orjson.dumps(value, describe, _OPTIONS)
    except (TypeError, ValueError, RecursionError):
        return orjson.dumps(_tree(value, 0, frozenset()), describe, _OPTIONS)


def describe(value: Any) -> Any:
    """Something closer to JSON that stands for an object; never raises."""
    try:
        return _plain(value)
    except Exception as error:  # user objects may raise anything from anywhere; a log line must not
        return f"<{type(value).__name__}: {type(error).__name__} while it was described>"


def exception_fields(error: BaseException) -> dict[str, Any]:
    """type, message, stack, and code and hint where the exception has them."""
    try:
        message = error.message if isinstance(error, MotiaError) else str(error)
    except Exception as broken:  # __str__ of a user's exception
        message = f"<{type(broken).__name__} in __str__>"
    fields: dict[str, Any] = {
        "type": type(error).__qualname__,
        "message": message,
        "stack": "".join(traceback.format_exception(error, limit=-_MAX_FRAMES)),
    }
    if isinstance(error, MotiaError):
        fields["code"] = error.code
        if error.hint:
            fields["hint"] = error.hint
    return fields


def _plain(value: Any) -> Any:
    if isinstance(value, BaseException):
        return exception_fields(value)
    if hasattr(value, "get_secret_value"):
        return "**********"
    if isinstance(value, type) or callable(value):
        return f"<{getattr(value, '__qualname__', type(value).__name__)}>"
    if (dump := getattr(value, "model_dump", None)) is not None:
        return dump(mode="json")
    if isinstance(value, bytes | bytearray | memoryview):
        return _text_of(bytes(value))
    if isinstance(value, PurePath | Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return value._asdict()
    if isinstance(value, Set | tuple | deque):
        return list(value)
    if hasattr(value, "method") and hasattr(value, "url"):
        return {"type": type(value).__name__, "method": str(value.method), "url": str(value.url)}
    return _cut(repr(value))


def _text_of(data: bytes) -> str:
    if len(data) > _MAX_TEXT_CHARS:
        return f"<{len(data)} bytes>"
    try:
        return data.decode()
    except UnicodeDecodeError:
        return f"<{len(data)} bytes>"


def _cut(text: str) -> str:
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= _MAX_TEXT_CHARS else f"{text[:_MAX_TEXT_CHARS]}… ({len(text)} characters)"


def _tree(value: Any, depth: int, above: frozenset[int]) -> Any:
    """A tree that orjson accepts for sure: no cycle, no odd text, no giant number."""
    if isinstance(value, str):
        return _cut(str.__str__(value))
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return int(value) if -(2**63) <= value < 2**64 else f"<integer of {value.bit_length()} bits>"
    if id(value) in above:
        return "<circular>"
    if depth >= _MAX_DEPTH:
        return f"<{type(value).__name__} below level {_MAX_DEPTH}>"
    inside = above | {id(value)}
    if isinstance(value, dict):
        return {
            _key(key): _tree(item, depth + 1, inside)
            for key, item in itertools.islice(list(value.items()), _MAX_ITEMS)
        }
    if isinstance(value, list):
        return [_tree(item, depth + 1, inside) for item in value[:_MAX_ITEMS]]
    try:
        # Dates, ids, enums and dataclasses that orjson writes by itself.
        return orjson.loads(orjson.dumps(value, _refuse, _OPTIONS))
    except (TypeError, ValueError, RecursionError):
        described = describe(value)
    return _tree(described, depth + 1, inside)


def _key(key: Any) -> str:
    if isinstance(key, int) and not isinstance(key, bool):
        return str(_tree(key, 0, frozenset()))
    return _cut(key if isinstance(key, str) else str(describe(key)))


def _refuse(value: Any) -> Any:
    raise TypeError(type(value).__name__)
