"""A value that fits a JSON Schema, to begin a request with. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_MAX_DEPTH = 8
_TEXTS = {
    "date-time": "2026-01-01T12:00:00Z",
    "date": "2026-01-01",
    "time": "12:00:00",
    "duration": "PT1H",
    "email": "ada@example.com",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "uri": "https://example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
}


def example_of(schema: Mapping[str, Any] | None) -> Any:
    """An example, from the schema's own where it has one; None where nothing can be said."""
    return None if schema is None else _example(schema, schema, 0)


def _example(schema: Any, root: Mapping[str, Any], depth: int) -> Any:
    if not isinstance(schema, Mapping) or depth > _MAX_DEPTH:
        return None
    if "$ref" in schema:
        return _example(_resolved(schema["$ref"], root), root, depth + 1)
    for name in ("example", "const", "default"):
        if name in schema:
            return schema[name]
    for name in ("examples", "enum"):
        found = schema.get(name)
        if isinstance(found, list) and found:
            return found[0]
    if isinstance(schema.get("allOf"), list):
        merged: dict[str, Any] = {}
        for part in schema["allOf"]:
            value = _example(part, root, depth + 1)
            if not isinstance(value, dict):
                return value
            merged |= value
        return merged
    for name in ("anyOf", "oneOf"):
        options = schema.get(name)
        if isinstance(options, list):
            useful = [option for option in options if not _is_null(option)]
            return _example(useful[0], root, depth + 1) if useful else None
    return _of_type(schema, root, depth)


def _of_type(schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> Any:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), None)
    if kind == "object" or "properties" in schema:
        properties = schema.get("properties")
        if not isinstance(properties, Mapping):
            return {}
        return {name: _example(part, root, depth + 1) for name, part in properties.items()}
    if kind == "array":
        count = min(int(schema.get("minItems", 1) or 1), 3)
        return [_example(schema.get("items", {}), root, depth + 1) for _ in range(count)]
    if kind == "string":
        return _text(schema)
    if kind in ("integer", "number"):
        return _number(schema, kind)
    return False if kind == "boolean" else None


def _text(schema: Mapping[str, Any]) -> str:
    text = _TEXTS.get(str(schema.get("format")), "text")
    least, most = schema.get("minLength"), schema.get("maxLength")
    if isinstance(least, int) and len(text) < least:
        text = text.ljust(min(least, 200), "x")
    return text[:most] if isinstance(most, int) else text


def _number(schema: Mapping[str, Any], kind: str) -> float | int:
    value = schema.get("minimum")
    if value is None and isinstance(schema.get("exclusiveMinimum"), int | float):
        value = schema["exclusiveMinimum"] + 1
    if value is None:
        value = min(1, schema["maximum"]) if isinstance(schema.get("maximum"), int | float) else 1
    return int(value) if kind == "integer" else value


def _resolved(reference: Any, root: Mapping[str, Any]) -> Any:
    found: Any = root
    for part in str(reference).removeprefix("#/").split("/"):
        if not isinstance(found, Mapping):
            return None
        found = found.get(part.replace("~1", "/").replace("~0", "~"))
    return found


def _is_null(option: Any) -> bool:
    return isinstance(option, Mapping) and option.get("type") == "null"
