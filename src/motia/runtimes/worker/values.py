"""Values on the wire: JSON, escapes for bytes and streams, and a check for what a language cannot hold."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from motia import encoding
from motia.authoring.forms import UploadFile
from motia.errors import MotiaError
from motia.integers import may_have_sixteen_digits

_RESERVED = ("$bytes", "$stream", "$literal")
_MAY_ESCAPE = re.compile(rb'"\$(?:bytes|stream|literal)"')
_SAFE = 2**53


class ValueRefused(MotiaError):
    """The language of the step cannot hold a value exactly; `details["path"]` says which part of it."""

    def __init__(self, path: str, number: int) -> None:
        super().__init__(
            f"{path}: expected an integer of at most 2^53, got {number}",
            code="value.unsafe_integer",
            details={"path": path},
            hint="send it as text: JavaScript's numbers cannot hold it exactly",
        )


def wire_text(value: Any, *, doubles: bool = False) -> bytes:
    """The JSON text of a value, on one line, with its bytes escaped.

    `doubles`: the other side holds integers as doubles. Failure: `EncodingError` `value.not_json`,
    `ValueRefused` `value.unsafe_integer`, naming the path.
    """
    try:
        marked = _marked(value)
    except RecursionError:
        marked = value  # contains itself: told by whoever encodes it
    return _checked(encoding.encode(marked), doubles)


def wire_text_of_json(text: bytes, *, doubles: bool = False) -> bytes:
    """As `wire_text`, for a value that is JSON text already."""
    if b"\n" in text or (b"$" in text and _MAY_ESCAPE.search(text) is not None):
        return wire_text(encoding.decode(text), doubles=doubles)
    return _checked(text, doubles)


def from_wire(value: Any, open_stream: Callable[[int], Any]) -> Any:
    """The value that was meant. Failure: ValueError for an escape that is none."""
    if type(value) is list:
        return [from_wire(item, open_stream) for item in value]
    if type(value) is not dict:
        return value
    if len(value) == 1:
        ((key, inner),) = value.items()
        if key == "$bytes":
            return _bytes_of(inner)
        if key == "$stream":
            if type(inner) is not int:
                raise ValueError(f"$stream: expected a number, got {type(inner).__name__}")
            return open_stream(inner)
        if key == "$literal":
            if type(inner) is not dict:
                raise ValueError(f"$literal: expected an object, got {type(inner).__name__}")
            value = inner
    return {key: from_wire(item, open_stream) for key, item in value.items()}


def _bytes_of(text: Any) -> bytes:
    if type(text) is not str:
        raise ValueError(f"$bytes: expected a text, got {type(text).__name__}")
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"$bytes: expected base64, got {error}") from error


def _checked(text: bytes, doubles: bool) -> bytes:
    # An integer beyond 2^53 has sixteen digits.
    if doubles and may_have_sixteen_digits(text):
        _refuse_unsafe(orjson.loads(text), "$")
    return text


def _refuse_unsafe(value: Any, path: str) -> None:
    if type(value) is int:
        if abs(value) > _SAFE:
            raise ValueRefused(path, value)
    elif type(value) is dict:
        for key, item in value.items():
            _refuse_unsafe(item, f"{path}.{key}")
    elif type(value) is list:
        for index, item in enumerate(value):
            _refuse_unsafe(item, f"{path}[{index}]")


_PLAIN = frozenset({str, int, float, bool, type(None)})


def _marked(value: Any) -> Any:
    """The value with its bytes, files and reserved keys escaped; what `encoding` writes stays as it is."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is list or kind is tuple:
        return [_marked(item) for item in value]
    if isinstance(value, bytes | bytearray | memoryview):
        return {"$bytes": base64.b64encode(value).decode()}
    if kind is UploadFile:
        return {
            "filename": value.filename,
            "content_type": value.content_type,
            "data": _marked(value.data),
        }
    if isinstance(value, Mapping):
        marked = {key: _marked(item) for key, item in value.items()}
        if len(marked) == 1 and next(iter(marked)) in _RESERVED:
            return {"$literal": marked}
        return marked
    return value
