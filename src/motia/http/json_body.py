"""The JSON text of a returned value."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime
from types import NoneType
from typing import Any
from uuid import UUID

from motia.encoding import EncodingError, encode
from motia.errors import HandlerError
from motia.http.bad_result import bad_result

_PLAIN = frozenset({NoneType, str, int, bool, bytes, datetime, date, UUID})


def json_bytes(value: Any) -> bytes:
    """The JSON of a value; a Pydantic model writes itself, by alias, without a detour over dicts.

    Failure: `HandlerError` `handler.bad_result` naming the path of what JSON cannot carry.
    """
    serializer = getattr(type(value), "__pydantic_serializer__", None)
    if serializer is None:
        try:
            return encode(value)
        except EncodingError as error:
            raise HandlerError(
                error.message, code="handler.bad_result", details=error.details, retryable=False
            ) from error
    try:
        text: bytes = serializer.to_json(value, by_alias=True)
        # Pydantic writes NaN and infinity as null: silent loss, so texts with null are looked at again.
        if text.find(b"null") < 0 or _is_flat_without_floats(value):
            return text
        path = _not_finite(serializer.to_python(value, by_alias=True), "$")
    except (ValueError, TypeError, RecursionError) as error:
        raise bad_result("$", "a model that can be written as JSON", str(error)) from error
    if path is not None:
        raise bad_result(path, "a finite number", "NaN or infinity")
    return text


def _is_flat_without_floats(model: Any) -> bool:
    if type(model).__pydantic_decorators__.computed_fields:
        return False
    return all(type(item) in _PLAIN for item in model.__dict__.values())


def _not_finite(value: Any, path: str) -> str | None:
    if isinstance(value, float):
        return None if math.isfinite(value) else path
    if isinstance(value, Mapping):
        items = [(f"{path}.{key}", item) for key, item in value.items()]
    elif isinstance(value, list | tuple | set | frozenset):
        items = [(f"{path}[{index}]", item) for index, item in enumerate(value)]
    else:
        return None
    for item_path, item in items:
        found = _not_finite(item, item_path)
        if found is not None:
            return found
    return None
