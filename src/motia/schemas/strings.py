"""Texts of a query, path or form as the types their schema names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_INTEGER = re.compile(r"[+-]?\d{1,4000}")
_NUMBER = re.compile(r"[+-]?(\d{1,400}\.?\d{0,400}|\.\d{1,400})([eE][+-]?\d{1,3})?")
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


def typed_strings(values: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """The values with texts read as the schema's integers, numbers, booleans and arrays.

    A text that is none of what is asked stays, for the validation that follows to refuse.
    """
    properties = schema.get("properties") or {}
    return {name: _typed(value, properties.get(name)) for name, value in values.items()}


def _typed(value: Any, schema: Any) -> Any:
    kinds = _kinds(schema)
    if "array" in kinds:
        items = schema.get("items") if isinstance(schema, Mapping) else None
        return [_typed(item, items) for item in (value if isinstance(value, list) else [value])]
    if not isinstance(value, str) or "string" in kinds:
        return value
    if "integer" in kinds and _INTEGER.fullmatch(value):
        return int(value)
    if "number" in kinds and _NUMBER.fullmatch(value):
        return float(value)
    if "boolean" in kinds and value.lower() in _BOOLEANS:
        return _BOOLEANS[value.lower()]
    return value


def _kinds(schema: Any) -> frozenset[str]:
    if not isinstance(schema, Mapping):
        return frozenset()
    kind = schema.get("type")
    if isinstance(kind, str):
        return frozenset((kind,))
    if isinstance(kind, list):
        return frozenset(kind)
    choices = schema.get("anyOf") or schema.get("oneOf") or ()
    return frozenset().union(*map(_kinds, choices))
