"""Which types certainly have a JSON Schema, told without making it."""

from __future__ import annotations

import enum
import types
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from uuid import UUID

from pydantic import BaseModel

_SCALARS: tuple[Any, ...] = (
    *(Any, None, type(None), str, int, float, bool, bytes),
    *(datetime, date, time, timedelta, Decimal, UUID, list, dict, set, tuple),
)
_CONTAINERS: tuple[Any, ...] = (list, dict, set, frozenset, tuple, Union, types.UnionType)
_KNOWN_PACKAGES = frozenset({"pydantic", "annotated_types", "builtins"})
_HOOKS = ("__get_pydantic_core_schema__", "__get_pydantic_json_schema__", "model_json_schema")


def is_json_type(annotation: Any) -> bool:
    """True for scalars, containers, enums and plain Pydantic models of such; else only a try can tell."""
    return _is_sure(annotation, set())


def _is_sure(annotation: Any, seen: set[type]) -> bool:
    if any(annotation is scalar for scalar in _SCALARS):
        return True
    origin = get_origin(annotation)
    if origin is Literal:
        return True
    if origin is Annotated:
        base, *metadata = get_args(annotation)
        return _is_sure(base, seen) and _are_known(metadata)
    if any(origin is container for container in _CONTAINERS):
        return all(item is Ellipsis or _is_sure(item, seen) for item in get_args(annotation))
    if not isinstance(annotation, type) or origin is not None:
        return False
    if issubclass(annotation, BaseModel):
        return annotation in seen or _is_sure_model(annotation, seen)
    return issubclass(annotation, enum.Enum)


def _is_sure_model(model: type[BaseModel], seen: set[type]) -> bool:
    seen.add(model)
    return (
        model.__pydantic_complete__
        and not any(hook in base.__dict__ for base in _own_bases(model) for hook in _HOOKS)
        and not model.model_config.get("json_schema_extra")
        and all(
            _is_sure(field.annotation, seen) and _are_known(field.metadata)
            for field in model.__pydantic_fields__.values()
        )
    )


def _own_bases(model: type[BaseModel]) -> tuple[type, ...]:
    return model.__mro__[: model.__mro__.index(BaseModel)]


def _are_known(metadata: Sequence[Any]) -> bool:
    """Marks of other packages may change the schema of what they mark."""
    return all(type(item).__module__.partition(".")[0] in _KNOWN_PACKAGES for item in metadata)
