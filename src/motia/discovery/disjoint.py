"""Whether any value fits two JSON Schemas. Pure; says only what is certain.

A keyword that is not looked at only lets more values through, so what is found to clash does clash.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from motia.core.trigger import JsonSchema

_DEPTH = 16
_MOST_PLACES = 2000
_MOST_ITEMS = 16
_ALL = ", and so on in all alternatives"
_NUMBERS = frozenset({"integer", "number"})
_SIZES = {
    "string": ("minLength", "maxLength", "characters"),
    "array": ("minItems", "maxItems", "items"),
    "object": ("minProperties", "maxProperties", "members"),
}


def disagreement(one: JsonSchema, other: JsonSchema) -> str | None:
    """The first place where no value fits both schemas, as `$.total: string here, number there`; None where
    none is certain."""
    return _Comparison(one, other).clash(one, other, "$", 0)


class _Comparison:
    """Two schemas side by side. It gives up, and finds nothing, after so many places."""

    __slots__ = ("_left", "_roots")

    def __init__(self, one: JsonSchema, other: JsonSchema) -> None:
        self._roots = one, other
        self._left = _MOST_PLACES

    def clash(self, one: Any, other: Any, path: str, depth: int) -> str | None:
        """Why no value at this place fits both."""
        self._left -= 1
        if self._left < 0 or depth > _DEPTH:
            return None
        one, other = _resolved(one, self._roots[0]), _resolved(other, self._roots[1])
        if one is False or other is False:
            return f"{path}: nothing fits {'here' if one is False else 'there'}"
        if not isinstance(one, Mapping) or not isinstance(other, Mapping):
            return None
        return next(self._reasons(one, other, path, depth), None)

    def _reasons(
        self, one: Mapping[str, Any], other: Mapping[str, Any], path: str, depth: int
    ) -> Iterator[str]:
        yield from _clash_of_kind(one, other, path)
        kinds = _shared(_types(one), _types(other))
        if kinds == {"object"}:
            yield from self._members(one, other, path, depth)
        elif kinds == {"array"}:
            yield from self._items(one, other, path, depth)
        for part in _branches(one, "allOf"):
            if (reason := self.clash(part, other, path, depth + 1)) is not None:
                yield reason
        for part in _branches(other, "allOf"):
            if (reason := self.clash(one, part, path, depth + 1)) is not None:
                yield reason
        for keyword in ("anyOf", "oneOf"):
            yield from self._alternatives([(part, other) for part in _branches(one, keyword)], path, depth)
            yield from self._alternatives([(one, part) for part in _branches(other, keyword)], path, depth)

    def _alternatives(self, pairs: Sequence[tuple[Any, Any]], path: str, depth: int) -> Iterator[str]:
        """All of them clash, or nothing is said."""
        first = None
        for one, other in pairs:
            reason = self.clash(one, other, path, depth + 1)
            if reason is None:
                return
            first = first or reason
        if first is not None:
            yield first if len(pairs) == 1 or first.endswith(_ALL) else f"{first}{_ALL}"

    def _members(
        self, one: Mapping[str, Any], other: Mapping[str, Any], path: str, depth: int
    ) -> Iterator[str]:
        # What neither requires may be left out, and then both are content.
        for name in sorted({*_required(one), *_required(other)}):
            mine, theirs = _member(one, name), _member(other, name)
            if mine is False:
                yield f"{path}.{name}: refused here, required {_side(name, other, 'there', 'here')}"
            elif theirs is False:
                yield f"{path}.{name}: required {_side(name, one, 'here', 'there')}, refused there"
            elif (reason := self.clash(mine, theirs, f"{path}.{name}", depth + 1)) is not None:
                yield reason

    def _items(
        self, one: Mapping[str, Any], other: Mapping[str, Any], path: str, depth: int
    ) -> Iterator[str]:
        # Lists that may be empty have the empty one in common.
        needed = max(_size(one, "minItems", 0), _size(other, "minItems", 0))
        for index in range(min(int(needed), _MOST_ITEMS)):
            reason = self.clash(_item(one, index), _item(other, index), f"{path}[{index}]", depth + 1)
            if reason is not None:
                yield reason
                return


def _clash_of_kind(one: Mapping[str, Any], other: Mapping[str, Any], path: str) -> Iterator[str]:
    types = _types(one), _types(other)
    kinds = _shared(*types)
    if kinds is not None and not kinds:
        yield f"{path}: {'/'.join(sorted(types[0] or ()))} here, {'/'.join(sorted(types[1] or ()))} there"
        return
    values = _values(one), _values(other)
    if values[0] is not None and values[1] is not None:
        if not any(item in values[1] for item in values[0]):
            yield f"{path}: {_shown(values[0])} here, {_shown(values[1])} there"
    elif values[0] is not None and not any(_is_of(item, types[1]) for item in values[0]):
        yield f"{path}: {_shown(values[0])} here, {'/'.join(sorted(types[1] or ()))} there"
    elif values[1] is not None and not any(_is_of(item, types[0]) for item in values[1]):
        yield f"{path}: {'/'.join(sorted(types[0] or ()))} here, {_shown(values[1])} there"
    if kinds is None:
        return
    if kinds <= _NUMBERS:
        yield from _ranges(one, other, path)
    if len(kinds) == 1 and (names := _SIZES.get(next(iter(kinds)))) is not None:
        least, most, what = names
        if _size(one, least, 0) > _size(other, most, float("inf")):
            yield f"{path}: at least {one[least]} {what} here, at most {other[most]} there"
        if _size(other, least, 0) > _size(one, most, float("inf")):
            yield f"{path}: at most {one[most]} {what} here, at least {other[least]} there"


def _ranges(one: Mapping[str, Any], other: Mapping[str, Any], path: str) -> Iterator[str]:
    for low, high, names in ((one, other, ("here", "there")), (other, one, ("there", "here"))):
        for least, most in (
            ("minimum", "maximum"),
            ("minimum", "exclusiveMaximum"),
            ("exclusiveMinimum", "maximum"),
            ("exclusiveMinimum", "exclusiveMaximum"),
        ):
            bottom, top = _size(low, least, float("-inf")), _size(high, most, float("inf"))
            touches = least == "minimum" and most == "maximum"
            if bottom > top or (bottom == top and not touches):
                yield f"{path}: {least} {low[least]} {names[0]}, {most} {high[most]} {names[1]}"


def _resolved(schema: Any, root: Any, hops: int = 0) -> Any:
    """The schema that a local reference means; True for what is not looked into."""
    if not isinstance(schema, Mapping) or "$ref" not in schema:
        return schema
    reference = schema["$ref"]
    if (
        not isinstance(reference, str)
        or not (reference == "#" or reference.startswith("#/"))
        or hops > _DEPTH
    ):
        return True
    found = root
    for name in reference[2:].split("/") if reference != "#" else ():
        key = name.replace("~1", "/").replace("~0", "~")
        found = found.get(key, True) if isinstance(found, Mapping) else True
    return _resolved(found, root, hops + 1)


def _types(schema: Mapping[str, Any]) -> set[str] | None:
    """The types that it takes; None for all."""
    found = schema.get("type")
    if isinstance(found, str):
        return {found}
    return {item for item in found if isinstance(item, str)} if isinstance(found, list | tuple) else None


def _shared(one: set[str] | None, other: set[str] | None) -> set[str] | None:
    if one is None or other is None:
        return other if one is None else one
    return {kind for kind in one | other if _takes(kind, one) and _takes(kind, other)}


def _takes(kind: str, types: set[str]) -> bool:
    return kind in types or (kind == "integer" and "number" in types)


def _values(schema: Mapping[str, Any]) -> Sequence[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    found = schema.get("enum")
    return found if isinstance(found, list | tuple) else None


def _is_of(value: Any, types: set[str] | None) -> bool:
    if types is None:
        return True
    match value:
        case None:
            return "null" in types
        case bool():
            return "boolean" in types
        case int():
            return bool(types & _NUMBERS)
        case float():
            return "number" in types or ("integer" in types and value.is_integer())
        case str():
            return "string" in types
        case list() | tuple():
            return "array" in types
        case _:
            return "object" in types


def _shown(values: Sequence[Any]) -> str:
    return "/".join(repr(value) for value in values[:4]) + ("/…" if len(values) > 4 else "")


def _size(schema: Mapping[str, Any], name: str, missing: float) -> float:
    found = schema.get(name)
    return found if isinstance(found, int | float) and not isinstance(found, bool) else missing


def _required(schema: Mapping[str, Any]) -> Sequence[str]:
    found = schema.get("required")
    return found if isinstance(found, list | tuple) else ()


def _side(name: str, schema: Mapping[str, Any], side: str, otherwise: str) -> str:
    return side if name in _required(schema) else otherwise


def _member(schema: Mapping[str, Any], name: str) -> Any:
    """The schema of a member; True for any."""
    properties = schema.get("properties")
    if isinstance(properties, Mapping) and name in properties:
        return properties[name]
    return True if schema.get("patternProperties") else schema.get("additionalProperties", True)


def _item(schema: Mapping[str, Any], index: int) -> Any:
    """The schema of an item of a list; True for any."""
    first, rest = schema.get("prefixItems"), schema.get("items", True)
    if isinstance(rest, list | tuple):  # as drafts before 2020 have it
        first, rest = rest, schema.get("additionalItems", True)
    if isinstance(first, list | tuple) and index < len(first):
        return first[index]
    return rest


def _branches(schema: Mapping[str, Any], keyword: str) -> Sequence[Any]:
    found = schema.get(keyword)
    return found if isinstance(found, list | tuple) else ()
