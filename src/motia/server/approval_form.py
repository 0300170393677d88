"""The fields of a form for a JSON Schema, and the value that a filled one stands for. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from motia import encoding
from motia.errors import InputError
from motia.schemas.problems import input_invalid

Kind = Literal["decision", "yes_no", "choice", "integer", "number", "text", "json"]
_SCALARS: Mapping[str, Kind] = {
    "boolean": "yes_no",
    "integer": "integer",
    "number": "number",
    "string": "text",
}
_WHOLE = "answer"
"""Name of the field for an answer that is no object."""
_MOST_REFERENCES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One thing to fill in."""

    name: str
    kind: Kind
    """`decision`: the yes or no that the buttons of the form stand for."""
    required: bool
    schema: Mapping[str, Any]
    choices: tuple[Any, ...] = ()

    @property
    def label(self) -> str:
        return str(self.schema.get("title") or self.name)


def fields_of(schema: Mapping[str, Any]) -> list[Field]:
    """What a person fills in: a field a property, or one for all where the answer is no object."""
    whole = _meant(schema, schema)
    if not _is_form(whole):
        return [_field(_WHOLE, {"title": "Answer", **whole}, required=True)]
    required = whole.get("required", ())
    return [
        _field(name, {**_meant(part, schema), **part}, required=name in required)
        for name, part in whole["properties"].items()
        if isinstance(part, Mapping)
    ]


def defaults_of(schema: Mapping[str, Any]) -> dict[str, str]:
    """The form as it is before anybody fills it in: texts by name."""
    given = ((field, field.schema.get("default")) for field in fields_of(schema))
    return {
        field.name: str(default) if field.kind == "text" else json.dumps(default)
        for field, default in given
        if default is not None
    }


def answer_of(schema: Mapping[str, Any], filled: Mapping[str, Any]) -> Any:
    """The value that a form stands for; `filled` gives texts by name. What is left empty and need not be
    filled in is left out.

    Failure: `InputError` `input.invalid` naming the fields that are no JSON where JSON is asked for.
    """
    fields = fields_of(schema)
    problems: list[tuple[tuple[str, ...], str]] = []
    answer: dict[str, Any] = {}
    for field in fields:
        text = filled.get(field.name, "")
        if not isinstance(text, str) or (not text and (not field.required or field.kind != "text")):
            continue
        try:
            answer[field.name] = _value(field, text)
        except InputError as error:
            problems.append(((field.name,), error.message))
    if problems:
        raise input_invalid(problems, "answer")
    return answer if _is_form(_meant(schema, schema)) else answer.get(_WHOLE)


def _is_form(schema: Mapping[str, Any]) -> bool:
    return isinstance(schema.get("properties"), Mapping)


def _field(name: str, schema: Mapping[str, Any], *, required: bool) -> Field:
    choices = tuple(_choices(schema))
    kind: Kind = "choice" if choices else _SCALARS.get(str(schema.get("type")), "json")
    if kind == "yes_no" and name == "approved" and required:
        kind = "decision"
    return Field(name=name, kind=kind, required=required, schema=schema, choices=choices)


def _meant(part: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a reference stands for, or the one thing that may be given instead of null."""
    found = part
    for _ in range(_MOST_REFERENCES):
        others = [one for one in found.get("anyOf", ()) if one != {"type": "null"}]
        if "$ref" in found:
            found = _referred(str(found["$ref"]), schema)
        elif len(others) == 1 and isinstance(others[0], Mapping):
            found = others[0]
        else:
            return found
    return {}


def _referred(reference: str, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Any = schema
    for name in reference.removeprefix("#/").split("/"):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _choices(schema: Mapping[str, Any]) -> Iterator[Any]:
    if "const" in schema:
        yield schema["const"]
    elif isinstance(schema.get("enum"), list):
        yield from schema["enum"]


def _value(field: Field, text: str) -> Any:
    if field.kind == "text":
        return text
    if field.kind in ("integer", "number"):
        return _number(text)
    return encoding.decode(text)


def _number(text: str) -> Any:
    """The number; what is none stays a text, which the schema refuses."""
    for kind in (int, float):
        try:
            number = kind(text)
        except ValueError:
            continue
        if math.isfinite(number):
            return number
    return text
