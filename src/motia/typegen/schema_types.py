"""A JSON Schema as a TypeScript type. What has no type there is `unknown`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

_MAX_DEPTH = 12
_NAME = re.compile(r"[A-Za-z_$][\w$]*")
_PLAIN = {
    "string": "string",
    "number": "number",
    "integer": "number",
    "boolean": "boolean",
    "null": "null",
}


def typescript_type(schema: Any, *, root: Any = None, depth: int = 0) -> str:
    """The type of a value that a schema accepted, its defaults filled in."""
    root = schema if root is None else root
    if not isinstance(schema, Mapping) or depth > _MAX_DEPTH:
        return "unknown"

    def inner(part: Any) -> str:
        return typescript_type(part, root=root, depth=depth + 1)

    if isinstance(reference := schema.get("$ref"), str):
        return inner(_resolved(reference, root))
    if "const" in schema:
        return _literal(schema["const"])
    if isinstance(values := schema.get("enum"), list) and values:
        return " | ".join(map(_literal, values))
    for keyword, sign in (("anyOf", " | "), ("oneOf", " | "), ("allOf", " & ")):
        if isinstance(options := schema.get(keyword), list) and options:
            return _joined(map(inner, options), sign)
    kind = schema.get("type")
    if isinstance(kind, list):
        return _joined((inner({**schema, "type": one}) for one in kind), " | ")
    if kind == "string" and schema.get("format") == "binary":
        return "Uint8Array"
    if kind in _PLAIN:
        return _PLAIN[kind]
    if kind == "array" or "items" in schema:
        if isinstance(prefix := schema.get("prefixItems"), list):
            return f"[{', '.join(map(inner, prefix))}]"
        item = inner(schema["items"]) if "items" in schema else "unknown"
        return f"({item})[]" if re.search(r"[|&]", item) else f"{item}[]"
    if kind == "object" or "properties" in schema:
        return _object(schema, inner)
    return "unknown"


def _object(schema: Mapping[str, Any], inner: Any) -> str:
    properties = schema.get("properties") or {}
    required = set(schema.get("required") or ())
    members = [
        f"{_key(name)}{'' if name in required or _has_default(part) else '?'}: {inner(part)}"
        for name, part in properties.items()
    ]
    more = schema.get("additionalProperties")
    if not members:
        return f"Record<string, {inner(more) if isinstance(more, Mapping) else 'unknown'}>"
    return f"{{ {'; '.join(members)} }}"


def _has_default(schema: Any) -> bool:
    return isinstance(schema, Mapping) and "default" in schema


def _joined(types: Iterable[str], sign: str) -> str:
    unique = list(dict.fromkeys(types))
    if len(unique) > 1 and sign == " & ":
        return sign.join(f"({one})" if " | " in one else one for one in unique)
    return sign.join(unique)


def _key(name: str) -> str:
    return name if _NAME.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def _literal(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if not isinstance(value, dict | list) else "unknown"


def _resolved(reference: str, root: Any) -> Any:
    if not reference.startswith("#"):
        return None
    found = root
    for part in reference.removeprefix("#").split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        found = found.get(key) if isinstance(found, Mapping) else None
    return found
