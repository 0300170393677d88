"""JSON Schemas moved into one OpenAPI document: definitions hoisted to components, references rewritten."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

_SCHEMA_MAPS = frozenset({"properties", "patternProperties", "dependentSchemas", "$defs", "definitions"})
_PLAIN_VALUES = frozenset({"const", "default", "enum", "example", "examples"})
_LOCAL = re.compile(r"#/(\$defs|definitions)/([^/]+)(/.*)?\Z", re.DOTALL)
_PREFIX = "#/components/schemas/"


class SchemaComponents:
    """Collects the named schemas of a document. The schemas given are read, never changed."""

    def __init__(self) -> None:
        self.schemas: dict[str, Any] = {}
        """Component name → schema, ready for `components.schemas`."""
        self._names: dict[tuple[str, str], str] = {}

    def place(self, schema: Mapping[str, Any], name: str) -> dict[str, Any]:
        """The schema for use anywhere in the document; `name` is for one that refers to itself.

        Definitions of the same name and content share a component, others of that name get a number.
        """
        definitions: dict[str, Any] = {}
        for key in ("definitions", "$defs"):
            if isinstance(found := schema.get(key), Mapping):
                definitions.update({f"{key}/{each}": value for each, value in found.items()})
        scope = _Scope(self, definitions, schema, name)
        placed = scope.rewritten(_without_root_keys(schema))
        return {"$ref": _PREFIX + scope.root} if scope.root is not None else placed

    def reserve(self, name: str, content: str) -> tuple[str, bool]:
        """A component name for this content, and whether it still has to be filled."""
        wanted = re.sub(r"[^A-Za-z0-9._-]", "_", name) or "Schema"
        known = self._names.get((wanted, content))
        if known is not None:
            return known, False
        free, number = wanted, 1
        while free in self.schemas:
            number += 1
            free = f"{wanted}_{number}"
        self._names[wanted, content] = free
        self.schemas[free] = {}
        return free, True


class _Scope:
    """One schema on its way into the document, with the definitions its references can see."""

    def __init__(
        self, components: SchemaComponents, definitions: dict[str, Any], schema: Mapping[str, Any], name: str
    ) -> None:
        self._components = components
        self._definitions = definitions
        self._schema = schema
        self._name = name
        self.root: str | None = None
        """Component of the whole schema, once something refers to it."""

    def rewritten(self, node: Any) -> Any:
        if isinstance(node, list | tuple):
            return [self.rewritten(item) for item in node]
        if not isinstance(node, Mapping):
            return node
        result: dict[str, Any] = {}
        for key, value in node.items():
            if key in ("$ref", "$dynamicRef") and isinstance(value, str):
                result["$ref"] = self._reference(value)
            elif key in _PLAIN_VALUES:
                result[key] = value
            elif key in _SCHEMA_MAPS and isinstance(value, Mapping):
                result[key] = {name: self.rewritten(each) for name, each in value.items()}
            else:
                result[key] = self.rewritten(value)
        return result

    def _reference(self, reference: str) -> str:
        if not reference.startswith("#"):
            return reference
        local = _LOCAL.match(reference)
        if local is not None:
            key = f"{local[1]}/{_unescaped(local[2])}"
            if key in self._definitions:
                return _PREFIX + self._hoisted(key) + (local[3] or "")
        if self.root is None:
            content = _canonical(self._schema)
            self.root, is_new = self._components.reserve(self._name, content)
            if is_new:
                self._components.schemas[self.root] = self.rewritten(_without_root_keys(self._schema))
        return _PREFIX + self.root + reference[1:]

    def _hoisted(self, key: str) -> str:
        # Two definitions are the same only if all that they can refer to is the same too.
        content = _canonical([self._definitions[key], self._reachable(key)])
        name, is_new = self._components.reserve(key.partition("/")[2], content)
        if is_new:
            self._components.schemas[name] = self.rewritten(self._definitions[key])
        return name

    def _reachable(self, key: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        pending = [key]
        while pending:
            for reference in _references(self._definitions[pending.pop()]):
                local = _LOCAL.match(reference)
                target = f"{local[1]}/{_unescaped(local[2])}" if local is not None else ""
                if target in self._definitions and target not in found:
                    found[target] = self._definitions[target]
                    pending.append(target)
                elif target not in self._definitions:
                    found["#"] = self._schema
        return found


def _references(node: Any) -> list[str]:
    if isinstance(node, Mapping):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [each for value in node.values() for each in _references(value)]
    if isinstance(node, list | tuple):
        return [each for item in node for each in _references(item)]
    return []


def _without_root_keys(schema: Mapping[str, Any]) -> dict[str, Any]:
    # `$id` would move the base of every reference below it.
    return {
        key: value for key, value in schema.items() if key not in ("$schema", "$id", "$defs", "definitions")
    }


def _unescaped(token: str) -> str:
    return unquote(token).replace("~1", "/").replace("~0", "~")


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=repr)
