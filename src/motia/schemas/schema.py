"""A JSON Schema that validates, by whatever its author wrote it in."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jsonschema_rs
from pydantic import BaseModel, RootModel

from motia.encoding import decode
from motia.schemas.problems import Location, input_invalid
from motia.schemas.typed import TypeReader


class Schema(Mapping[str, Any]):
    """The JSON Schema of the input side, and a validator.

    `source` is what the author gave. Validated objects keep their unknown keys and get their defaults; a
    Pydantic model or a type may also convert (a date becomes a `datetime`), a JSON Schema never does.
    The JSON Schema of a type is made when first read: it costs a millisecond, and most are never asked for.
    """

    __slots__ = ("_check", "_defaults", "_json_schema", "_reader", "from_hints", "is_required", "source")

    def __init__(
        self,
        json_schema: Mapping[str, Any] | Callable[[], dict[str, Any]],
        *,
        source: Any,
        reader: TypeReader | None = None,
        defaults: Mapping[str, Any] | None = None,
        from_hints: bool = False,
    ) -> None:
        self._json_schema = dict(json_schema) if isinstance(json_schema, Mapping) else json_schema
        self.source = source
        self.from_hints = from_hints
        """Made from a function's own type hints: binding its arguments validates, this need not."""
        self.is_required = False
        """There must be a value: a parameter without default is made from it."""
        self._reader = reader
        if defaults is None:
            defaults = _defaults_of(json_schema) if isinstance(json_schema, Mapping) else {}
        self._defaults = defaults
        self._check: Callable[[Any], Iterator[jsonschema_rs.ValidationError]] | None = None

    @property
    def json_schema(self) -> dict[str, Any]:
        """The JSON Schema itself, to be read only."""
        made = self._json_schema
        if not isinstance(made, dict):
            made = self._json_schema = made()
        return made

    def __getitem__(self, key: str) -> Any:
        return self.json_schema[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.json_schema)

    def __len__(self) -> int:
        return len(self.json_schema)

    def __bool__(self) -> bool:
        """False for the JSON Schema `{}` alone, which says nothing; a type always says something."""
        return callable(self._json_schema) or self._reader is not None or bool(self._json_schema)

    @property
    def reads_types(self) -> bool:
        """Made from a type, so that values of Python's own types, files among them, can be validated."""
        return self._reader is not None

    def validate(self, value: Any, what: str = "input") -> Any:
        """The value with defaults filled in; `value` itself is left alone.

        Failure: `InputError` `input.invalid` (422), `details["errors"]` a list of `{"path", "message"}`.
        """
        value = self._with_defaults(value)
        if self._reader is not None:
            return laid_over(value, self._reader.from_value(value, what))
        check = self._check or self.compile()
        first = next(errors := check(value), None)
        if first is not None:
            raise input_invalid(map(_problem, (first, *errors)), what)
        return value

    def compile(self) -> Callable[[Any], Iterator[jsonschema_rs.ValidationError]]:
        """Build the validator of the JSON Schema. Failure: the errors of jsonschema-rs where it is none."""
        # `mask` keeps refused values, which may be secret, out of messages.
        self._check = jsonschema_rs.validator_for(
            self.json_schema, mask="the value", offline=True
        ).iter_errors
        return self._check

    def validate_json(self, data: bytes, what: str = "input") -> Any:
        """As `validate`, from a JSON text; `InputError` `json.malformed` (400) when it is none."""
        value = decode(data)
        if self._reader is None or self._defaults:
            return self.validate(value, what)
        return laid_over(value, self._reader.from_json(data, what))

    def _with_defaults(self, value: Any) -> Any:
        if not self._defaults or not isinstance(value, dict):
            return value
        missing = {key: _fresh(default) for key, default in self._defaults.items() if key not in value}
        return {**value, **missing} if missing else value


_SCALARS = frozenset({str, int, float, bool, type(None)})


def laid_over(raw: Any, parsed: Any) -> Any:
    """What was parsed, as plain containers, over the raw value: conversions show, unknown keys stay."""
    kind = type(parsed)
    if kind in _SCALARS:
        return parsed
    if kind is dict:
        return _fields_over(raw, parsed.items())
    if isinstance(parsed, RootModel):
        return laid_over(raw, parsed.root)
    if isinstance(parsed, BaseModel):
        return _fields_over(raw, _model_items(raw, parsed))
    if dataclasses.is_dataclass(parsed) and not isinstance(parsed, type):
        return _fields_over(raw, ((f.name, getattr(parsed, f.name)) for f in dataclasses.fields(parsed)))
    if isinstance(parsed, dict):
        return _fields_over(raw, parsed.items())
    if isinstance(parsed, list | tuple):
        items = raw if isinstance(raw, list) and len(raw) == len(parsed) else [None] * len(parsed)
        return [laid_over(item, value) for item, value in zip(items, parsed, strict=True)]
    return parsed


def _fields_over(raw: Any, items: Any) -> dict[str, Any]:
    result = dict(raw) if type(raw) is dict or isinstance(raw, Mapping) else {}
    for key, value in items:
        result[key] = laid_over(result.get(key), value)
    return result


def _model_items(raw: Any, model: BaseModel) -> Iterator[tuple[str, Any]]:
    for name, field in type(model).__pydantic_fields__.items():
        alias = field.validation_alias if isinstance(field.validation_alias, str) else field.alias or name
        key = name if isinstance(raw, Mapping) and name in raw and alias not in raw else alias
        yield key, getattr(model, name)


def _problem(error: jsonschema_rs.ValidationError) -> tuple[Location, str]:
    location = tuple(error.instance_path)
    missing = getattr(error.kind, "property", None)
    return (location if missing is None else (*location, missing)), error.message


def _defaults_of(json_schema: Mapping[str, Any]) -> dict[str, Any]:
    properties = json_schema.get("properties")
    if not isinstance(properties, Mapping):
        return {}
    return {
        name: schema["default"]
        for name, schema in properties.items()
        if isinstance(schema, Mapping) and "default" in schema
    }


def _fresh(default: Any) -> Any:
    if isinstance(default, dict):
        return {key: _fresh(value) for key, value in default.items()}
    return [_fresh(value) for value in default] if isinstance(default, list) else default
