"""A config written in Python, made JSON-able: functions become handles, types become schemas."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Mapping, Set
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import PurePath
from typing import Any, TypeGuard

from motia.core.trigger import FunctionId
from motia.schemas import Schema, schema_of

_SCHEMA_KEYS = frozenset({"input", "inputschema", "bodyschema", "queryschema", "paramsschema", "schema"})
_RESPONSE_KEYS = frozenset({"responseschema", "responseschemas", "responses", "response"})
_HTTP_TYPES = ("http", "api")
_PART_OF_KEY = {
    "body": "body",
    "bodyschema": "body",
    "query": "query",
    "queryparams": "query",
    "params": "params",
    "pathparams": "params",
    "path": "params",
    "response": "response",
    "responses": "response",
}


class NotPlain(ValueError):
    """A value of a config that no other process could be told; the text says which and what it is."""


class PlainConfig:
    """Makes one file's configs JSON-able and keeps their functions.

    `functions` gets every function found, under `<file>#<name>.<where it stood>`.
    """

    def __init__(self, file: str, functions: dict[FunctionId, Callable[..., Any]]) -> None:
        self._file = file
        self._functions = functions

    def config(self, value: Any, name: str) -> dict[str, Any]:
        """The config of step `name` as a dict with text keys.

        Failure: `NotPlain`; `DefinitionError` `schema.invalid` for a schema that is none.
        """
        mapping = as_mapping(value)
        if mapping is None:
            raise NotPlain(f"{name}: expected a mapping, got {type(value).__name__}")
        is_http = mapping.get("type") in _HTTP_TYPES
        return {str(key): self._entry(key, item, name, is_http) for key, item in mapping.items()}

    def function(self, function: Callable[..., Any], name: str) -> FunctionId:
        """The handle under which `function` is kept from now on."""
        handle = f"{self._file}#{name}"
        self._functions[handle] = function
        return handle

    def _entry(self, key: Any, value: Any, where: str, is_http: bool) -> Any:
        place = f"{where}.{key}"
        squeezed = _squeezed(key)
        if squeezed == "schema" and is_http and _in_parts(value):
            return {str(part): self._part(part, item) for part, item in value.items()}
        if squeezed in _SCHEMA_KEYS:
            return schema_of(value, self._file)
        if squeezed in _RESPONSE_KEYS:
            return self._responses(value)
        return self._plain(value, place)

    def _part(self, part: Any, value: Any) -> Any:
        if str(part).lower() in ("response", "responses"):
            return self._responses(value)
        return schema_of(value, self._file)

    def _responses(self, value: Any) -> Any:
        if isinstance(value, Mapping) and value and all(str(status).isdigit() for status in value):
            return {str(status): schema_of(item, self._file) for status, item in value.items()}
        return schema_of(value, self._file)

    def _plain(self, value: Any, where: str) -> Any:
        if isinstance(value, enum.Enum):
            return self._plain(value.value, where)
        if value is None or isinstance(value, bool | str | int | float | Schema):
            return value
        if isinstance(value, timedelta):
            return value.total_seconds()
        if isinstance(value, datetime | date):
            return value.isoformat()
        if isinstance(value, Decimal | PurePath):
            return str(value)
        if isinstance(value, list | tuple | Set):
            items = sorted(value, key=str) if isinstance(value, Set) else value
            return [self._plain(item, f"{where}[{index}]") for index, item in enumerate(items)]
        if callable(value) and not isinstance(value, type):
            return {"$function": self.function(value, where)}
        mapping = as_mapping(value)
        if mapping is not None:
            is_http = mapping.get("type") in _HTTP_TYPES
            return {str(key): self._entry(key, item, where, is_http) for key, item in mapping.items()}
        raise NotPlain(f"{where}: expected text, numbers, lists, mappings or functions, got {_kind(value)}")


def as_mapping(value: Any) -> Mapping[Any, Any] | None:
    """The entries of a mapping, of one of our trigger or config values, of a model or a dataclass."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, type):
        return None
    if callable(to_config := getattr(value, "to_config", None)):
        config = to_config()
        return config if isinstance(config, Mapping) else None
    fields = getattr(type(value), "model_fields", None)
    if isinstance(fields, Mapping):
        # Not dumped: a dump would copy schemas and functions out of their identity.
        extra = getattr(value, "model_extra", None) or {}
        return {**{name: getattr(value, name) for name in fields}, **extra}
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return None


def without_given(hinted: Mapping[str, Schema], trigger: Mapping[str, Any]) -> dict[str, Schema]:
    """Schemas of type hints as keys of a trigger, those left out that the trigger gives itself.

    `hinted`: `body`, `query`, `params` and `response` of a request, `input` of a message.
    """
    given = {_squeezed(key) for key, value in trigger.items() if value is not None}
    whole = trigger.get("schema")
    if trigger.get("type") in _HTTP_TYPES and _in_parts(whole):
        given |= {f"{_PART_OF_KEY[_squeezed(key)]}schema" for key in whole}
    elif whole is not None:
        given |= {"bodyschema", "input"}
    keys = {part: part if part == "input" else f"{part}_schema" for part in hinted}
    return {keys[part]: schema for part, schema in hinted.items() if _squeezed(keys[part]) not in given}


def _squeezed(key: Any) -> str:
    return str(key).replace("_", "").lower()


def _in_parts(value: Any) -> TypeGuard[Mapping[Any, Any]]:
    if not isinstance(value, Mapping) or isinstance(value, Schema):
        return False
    return bool(value) and all(_squeezed(key) in _PART_OF_KEY for key in value)


def _kind(value: Any) -> str:
    return f"the type {value.__name__}" if isinstance(value, type) else type(value).__name__
