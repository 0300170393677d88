"""JSON Schemas as TypeScript types."""

from __future__ import annotations

from typing import Any

import pytest

from motia.typegen.schema_types import typescript_type


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string"}, "string"),
        ({"type": "integer"}, "number"),
        ({"type": ["string", "null"]}, "string | null"),
        ({"const": "a"}, '"a"'),
        ({"enum": ["a", 1, None]}, '"a" | 1 | null'),
        ({"type": "array", "items": {"type": "string"}}, "string[]"),
        ({"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "null"}]}}, "(string | null)[]"),
        ({"type": "array", "prefixItems": [{"type": "string"}, {"type": "number"}]}, "[string, number]"),
        ({"type": "object"}, "Record<string, unknown>"),
        ({"type": "object", "additionalProperties": {"type": "number"}}, "Record<string, number>"),
        (
            {
                "type": "object",
                "properties": {"a": {"type": "number"}, "b-c": {"type": "string", "default": ""}, "d": {}},
                "required": ["a"],
            },
            '{ a: number; "b-c": string; d?: unknown }',
        ),
        (
            {"allOf": [{"anyOf": [{"type": "string"}, {"type": "null"}]}, {"const": "x"}]},
            '(string | null) & "x"',
        ),
        ({"$ref": "#/$defs/A", "$defs": {"A": {"type": "boolean"}}}, "boolean"),
        ({"type": "string", "format": "binary"}, "Uint8Array"),
        (True, "unknown"),
    ],
)
def test_types(schema: Any, expected: str) -> None:
    assert typescript_type(schema) == expected


def test_a_schema_that_holds_itself_ends() -> None:
    tree = {
        "$ref": "#/$defs/T",
        "$defs": {"T": {"type": "object", "properties": {"t": {"$ref": "#/$defs/T"}}}},
    }
    assert typescript_type(tree).endswith("unknown" + " }" * typescript_type(tree).count("{"))
