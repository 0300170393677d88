"""Everything an author may give as a schema, as one `Schema`."""

from __future__ import annotations

import re
import types
from collections.abc import Mapping
from typing import Annotated, Any, NotRequired, Required, Union, get_args, get_origin

import jsonschema_rs
from pydantic import BaseModel, BeforeValidator, TypeAdapter, WithJsonSchema
from pydantic.errors import PydanticUserError
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from motia.errors import DefinitionError, InputError
from motia.schemas.json_types import is_json_type
from motia.schemas.schema import Schema
from motia.schemas.typed import TypeReader

_KEYWORDS = frozenset(
    re.findall(
        r"\S+",
        """
        $schema $id $ref $defs $anchor $dynamicRef $dynamicAnchor $comment $vocabulary definitions type
        properties
        patternProperties additionalProperties unevaluatedProperties propertyNames required dependentRequired
        dependentSchemas dependencies minProperties maxProperties items prefixItems additionalItems
        unevaluatedItems contains minContains maxContains minItems maxItems uniqueItems anyOf oneOf allOf not
        if then else enum const format minLength maxLength pattern minimum maximum exclusiveMinimum
        exclusiveMaximum multipleOf contentEncoding contentMediaType contentSchema title description default
        examples deprecated readOnly writeOnly nullable example discriminator
        """,
    )
)


def schema_of(source: Any, where: str = "") -> Schema | None:
    """The schema that `source` stands for; None for None.

    `source`: a Pydantic model, TypedDict, dataclass or any other type, a type map such as
    `{"userId": str, "tags": list}`, a JSON Schema, or a bare map of property names to JSON Schemas.
    Failure: `DefinitionError` `schema.invalid`, its path is `where`.
    """
    if source is None or isinstance(source, Schema):
        return source
    if isinstance(source, Mapping):
        if not _has_types(source):
            return _of_json_schema(source, where)
        return object_schema(
            {str(key): _type_of(value, where) for key, value in source.items()}, where, source
        )
    if not _is_type(source):
        raise DefinitionError(
            f"schema: expected a type, a map of types or a JSON Schema, got {type(source).__name__}",
            code="schema.invalid",
            path=where,
            hint="give a Pydantic model, a TypedDict, {'name': str} or a JSON Schema object",
        )
    return _of_type(source, where, sure=is_json_type(source))


def object_schema(
    fields: Mapping[str, Any],
    where: str = "",
    source: Any = None,
    *,
    optional: frozenset[str] = frozenset(),
    from_hints: bool = False,
) -> Schema:
    """The schema of an object with the given fields and their types; unknown keys are kept.

    A field whose type includes None may be missing and is then None; so may those named in `optional`,
    which then stay missing.
    """
    nullable = {name for name, annotation in fields.items() if _allows_none(annotation)} - optional
    keys = {
        name: NotRequired[annotation] if name in nullable or name in optional else Required[annotation]
        for name, annotation in fields.items()
    }
    record = TypedDict("Input", keys)  # type: ignore[misc]  # made at run time  # made at run time, from what the author wrote
    try:
        return _of_type(
            record,
            where,
            source,
            sure=all(map(is_json_type, fields.values())),
            defaults=dict.fromkeys(nullable),
            from_hints=from_hints,
        )
    except DefinitionError:
        # Its author has never seen the record: name the type of the field that is to blame.
        for annotation in fields.values():
            _of_type(annotation, where, sure=is_json_type(annotation))
        raise


def output_schema(annotation: Any) -> Schema:
    """The schema of what a type looks like when written; for documents, never enforced."""

    def make() -> dict[str, Any]:
        try:
            return TypeAdapter(annotation).json_schema(mode="serialization")
        except (PydanticUserError, NameError):
            # A response is only documented by its type; what JSON Schema cannot say is anything.
            return {}

    return Schema(make, source=annotation, from_hints=True)


def _of_type(
    source: Any,
    where: str,
    given: Any = None,
    *,
    sure: bool,
    defaults: dict[str, Any] | None = None,
    from_hints: bool = False,
) -> Schema:
    """A type that is not `sure` to have a JSON Schema is asked for it here, where its author is told."""
    schema = Schema(
        lambda: _json_schema_of(source),
        source=source if given is None else given,
        reader=TypeReader(source),
        defaults=defaults,
        from_hints=from_hints,
    )
    if not sure:
        try:
            _ = schema.json_schema
        except (PydanticUserError, NameError) as error:
            raise DefinitionError(
                f"schema: expected a type that JSON can carry, got {_name(source)}: {_first_line(error)}",
                code="schema.invalid",
                path=where,
            ) from error
    return schema


def _json_schema_of(source: Any) -> dict[str, Any]:
    if isinstance(source, type) and issubclass(source, BaseModel):
        return source.model_json_schema(mode="validation")
    return TypeAdapter(source).json_schema(mode="validation")


def _of_json_schema(source: Mapping[str, Any], where: str) -> Schema:
    json_schema = dict(source)
    if _is_property_map(source):
        json_schema = {"type": "object", "properties": json_schema}
    schema = Schema(json_schema, source=source)
    try:
        schema.compile()
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError, TypeError) as error:
        at = ".".join(map(str, getattr(error, "instance_path", ())))
        raise DefinitionError(
            f"schema{f' at {at}' if at else ''}: expected a valid JSON Schema, got {_first_line(error)}",
            code="schema.invalid",
            path=where,
        ) from error
    return schema


def _is_property_map(source: Mapping[str, Any]) -> bool:
    """`{"name": {"type": "string"}}`: no `type` of its own, and some key that no JSON Schema has."""
    return all(isinstance(value, Mapping) for value in source.values()) and any(
        key not in _KEYWORDS or (key == "type" and isinstance(source[key], Mapping)) for key in source
    )


def _has_types(source: Mapping[str, Any]) -> bool:
    return any(
        _is_type(value)
        or (isinstance(value, list) and len(value) == 1 and _is_type(value[0]))
        or (isinstance(value, Mapping) and _has_types(value))
        for value in source.values()
    )


def _type_of(value: Any, where: str) -> Any:
    """The type that one value of a type map stands for."""
    if isinstance(value, list) and len(value) == 1:
        return list[_type_of(value[0], where)]  # type: ignore[misc]  # made at run time
    if value is None:
        return Any
    if isinstance(value, Mapping):
        schema = schema_of(value, where)
        assert schema is not None
        return Annotated[Any, BeforeValidator(_checked_by(schema)), WithJsonSchema(dict(schema))]
    if _is_type(value):
        return value
    raise DefinitionError(
        f"schema: expected a type in a map of types, got {value!r}", code="schema.invalid", path=where
    )


def _checked_by(schema: Schema) -> Any:
    def check(value: Any) -> Any:
        try:
            return schema.validate(value)
        except InputError as error:
            first = error.details["errors"][0]
            at = f"{first['path']}: " if first["path"] else ""
            raise PydanticCustomError("nested", "{text}", {"text": f"{at}{first['message']}"}) from error

    return check


def _is_type(value: Any) -> bool:
    return isinstance(value, type | types.UnionType) or value is Any or get_origin(value) is not None


def _allows_none(annotation: Any) -> bool:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _allows_none(get_args(annotation)[0])
    return origin in (Union, types.UnionType) and type(None) in get_args(annotation)


def _name(source: Any) -> str:
    return getattr(source, "__name__", None) or str(source)


def _first_line(error: BaseException) -> str:
    return str(error).split("\n", 1)[0]
