"""One JSON codec for everything that is stored, sent or answered.

Strict at the edge: no NaN or infinity, no lone surrogates, at most 64 levels. One table says how
Pydantic models, dataclasses, dates, UUIDs, decimals, enums, sets and bytes are written.
"""

from __future__ import annotations

import base64
import dataclasses
import decimal
import enum
import math
from array import array
from collections.abc import Awaitable, Mapping, Set
from itertools import accumulate
from pathlib import PurePath
from typing import Any

import orjson

from motia.errors import InputError, MotiaError
from motia.integers import path_of_larger_than_64_bits

MAX_DEPTH = 64
_AROUND = 3
_ATOMS = frozenset({str, int, bool, type(None)})
_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_PASSTHROUGH_DATACLASS
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_UP_OR_DOWN = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")


class EncodingError(MotiaError):
    """A value cannot be written as JSON; `details["path"]` says which part of it."""

    def __init__(self, message: str, *, path: str) -> None:
        super().__init__(message, code="value.not_json", details={"path": path})


def decode(data: bytes | str, *, levels: int = MAX_DEPTH) -> Any:
    """The value of a JSON text.

    Failure: `InputError` (400) `json.malformed`, `json.too_deep`, `json.integer_too_large`.
    """
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise InputError(
            f"expected JSON, got text that stops making sense at line {error.lineno} column {error.colno}: "
            f"{error.msg}",
            code="json.malformed",
            details={"line": error.lineno, "column": error.colno},
        ) from error
    if len(data) > 2 * levels and _is_too_deep(data if isinstance(data, bytes) else data.encode(), levels):
        raise InputError(f"expected JSON of at most {levels} levels, got a deeper one", code="json.too_deep")
    if len(data) > 18:
        path = path_of_larger_than_64_bits(data if isinstance(data, bytes) else data.encode())
        if path is not None:
            raise _integer_too_large(path)
    return value


def decode_payload(data: bytes) -> Any:
    """The payload of a message: as `decode`, with the levels that the framework puts around what was kept,
    as `{"event": {"data": …}}` in a batch."""
    return decode(data, levels=MAX_DEPTH + _AROUND)


def _integer_too_large(path: str) -> InputError:
    what = "expected an integer of at most 64 bits, got a larger one"
    return InputError(
        f"{path or 'the whole value'}: {what}",
        code="json.integer_too_large",
        details={"errors": [{"path": path, "message": what}]},
        hint="send it as text: as a number it would be rounded",
    )


def encode(value: Any) -> bytes:
    """The JSON text of a value; `EncodingError` naming the path of what JSON cannot carry."""
    try:
        text = orjson.dumps(value, _plain, _OPTIONS)
    except (orjson.JSONEncodeError, TypeError, ValueError, RecursionError) as error:
        raise EncodingError(_explain(value, "$", set()) or f"value: {error}", path=_where(value)) from error
    # orjson writes NaN and infinity as null: silent loss, so the rare texts with null are looked at again.
    # Found by `find`: `in` takes bytes for a number first, at the price of an exception.
    suspicious = text.find(b"null") >= 0 and value is not None and not _surely_finite(value)
    if suspicious and (path := _find_not_finite(value, "$", 0)) is not None:
        raise EncodingError(f"{path}: expected a finite number, got NaN or infinity", path=path)
    return text


def encode_kept(value: Any) -> bytes:
    """The JSON text of a value that is read again: as `encode`, with at most 64 levels, as `decode` asks."""
    text = encode(value)
    if len(text) > 2 * MAX_DEPTH and _is_too_deep(text, MAX_DEPTH):
        raise EncodingError(f"value: expected at most {MAX_DEPTH} levels, got a deeper one", path="$")
    return text


def _plain(value: Any) -> Any:
    # Asked of the type: a payload's keys read as attributes, and a client chooses them.
    dump = getattr(type(value), "model_dump", None)
    if dump is not None:
        return dump(value, mode="json", by_alias=True)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(value).decode()
    if isinstance(value, decimal.Decimal | PurePath):
        return str(value)
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, list | tuple | Set):
        return list(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def may_be_too_deep(text: bytes) -> bool:
    """Whether a JSON text has brackets enough for more than 64 levels."""
    # Both kinds in one pass: counted one by one they take twice as long.
    return len(text) - len(text.translate(None, b"[{")) > MAX_DEPTH


def _is_too_deep(text: bytes, levels: int) -> bool:
    """Whether a JSON text has more levels, counted in C: a walk of its value takes far longer."""
    if not may_be_too_deep(text):
        return False
    quoted = text.replace(rb"\\", b"").replace(rb"\"", b"") if b"\\" in text else text
    without_texts = b"".join(quoted.split(b'"')[::2])
    steps = array("b", without_texts.translate(_UP_OR_DOWN, _NO_BRACKETS))
    return max(accumulate(steps)) > levels


def _items(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, Mapping):
        return [(f".{key}", item) for key, item in value.items()]
    if isinstance(value, list | tuple | Set):
        return [(f"[{index}]", item) for index, item in enumerate(value)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [(f".{field.name}", getattr(value, field.name)) for field in dataclasses.fields(value)]
    return []


def _surely_finite(value: Any) -> bool:
    """False where a number is not finite, or something else than plain JSON is in the way of telling."""
    left = [value]
    while left:
        item = left.pop()
        kind = type(item)
        if kind is dict:
            left.extend(item.values())
        elif kind is list or kind is tuple:
            left.extend(item)
        elif kind is float:
            if not math.isfinite(item):
                return False
        elif kind not in _ATOMS:
            return False
    return True


def _find_not_finite(value: Any, path: str, level: int) -> str | None:
    if isinstance(value, float):
        return None if math.isfinite(value) else path
    if level > MAX_DEPTH:
        return None
    for step, item in _items(value):
        found = _find_not_finite(item, path + step, level + 1)
        if found is not None:
            return found
    return None


def _explain(value: Any, path: str, seen: set[int]) -> str | None:
    if id(value) in seen:
        return f"{path}: expected a tree, got a value that contains itself"
    for step, item in _items(value):
        found = _explain(item, path + step, seen | {id(value)})
        if found is not None:
            return found
    for key in value if isinstance(value, Mapping) else ():
        try:
            orjson.dumps({key: None}, option=_OPTIONS)
        except TypeError:
            return f"{path}: expected texts as keys, got {type(key).__name__}"
    try:
        orjson.dumps(None if _items(value) else value, _plain, _OPTIONS)
    except (orjson.JSONEncodeError, TypeError) as error:
        got = f"{type(value).__name__} ({error})"
        if isinstance(value, Awaitable):
            got = f"a call that was not awaited: write `await` before it ({type(value).__name__})"
        return f"{path}: expected a value that JSON can carry, got {got}"
    return None


def _where(value: Any) -> str:
    return (_explain(value, "$", set()) or "$:").split(":", 1)[0]
