"""One getter for each argument of a function that binds by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from motia.authoring.depends import Dependency
from motia.errors import DefinitionError
from motia.runtimes.python.dependencies import Call, Getter
from motia.runtimes.python.frame import MISSING, Frame, RequestFrame
from motia.runtimes.python.hints import (
    EMPTY,
    Argument,
    Signature,
    allows_none,
    bare,
    is_many,
    is_open,
    read_signature,
)
from motia.runtimes.python.signature import Place, Slot, slots_of
from motia.schemas import TypeReader, schema_of
from motia.schemas.strings import typed_strings

_PLAIN_PARTS = {"context", "request", "input", "headers", "cookies", "query_params", "path_params"}


NOT_AN_OBJECT = ((), "Input should be an object")


def is_dict(argument: Argument) -> bool:
    """Whether the hint of a whole input says that it is an object."""
    return is_open(argument.annotation) and bare(argument.annotation) not in (EMPTY, Any, object)


class FieldGetter:
    """Reads one field of the body or payload."""

    wants_fields = True
    __slots__ = ("_argument", "_key", "_many", "_reader")

    def __init__(self, argument: Argument, key: str, reader: TypeReader | None) -> None:
        self._argument = argument
        self._key = key
        self._reader = reader
        self._many = is_many(argument.annotation)

    def __call__(self, frame: Frame) -> Any:
        value = frame.field(self._key)
        if value is MISSING:
            return _default(self._argument, frame, self._key)
        if self._many and isinstance(value, str):
            value = [value]
        return frame.problems.read(self._reader, value, (self._key,))


def compile_call(
    function: Callable[..., Any],
    signature: Signature,
    slots: tuple[Slot, ...],
    place: Place,
    *,
    shared: bool = True,
    outer: tuple[Callable[..., Any], ...] = (),
) -> Call:
    """How to call `function` from a frame. Failure: `DefinitionError` where dependencies go in a circle."""
    if function in outer:
        names = " → ".join(getattr(item, "__name__", repr(item)) for item in (*outer, function))
        code = getattr(function, "__code__", None)
        raise DefinitionError(
            f"Depends: expected dependencies that end, got {names}",
            code="step.bad_signature",
            path=code.co_filename if code else "",
            line=code.co_firstlineno if code else 1,
        )
    parts = [(slot, _part(slot, place, (*outer, function))) for slot in slots]
    known = {slot.key or slot.argument.name for slot in slots}
    return Call(
        function,
        positional=[part for slot, part in parts if not slot.argument.keyword_only],
        keyword=[(slot.argument.name, part) for slot, part in parts if slot.argument.keyword_only],
        rest=(lambda frame: _rest(frame, known)) if signature.any_keyword else None,
        shared=shared,
    )


def _rest(frame: Frame, known: set[str]) -> dict[str, Any]:
    return {name: value for name, value in frame.fields.items() if name not in known}


def _part(slot: Slot, place: Place, outer: tuple[Callable[..., Any], ...]) -> Getter | Call:
    argument, key = slot.argument, slot.key
    marker = argument.marker
    if isinstance(marker, Dependency):
        inner = read_signature(marker.function)
        within = Place(
            kind=place.kind,
            method=place.method,
            path_names=place.path_names,
            schema=place.schema,
            dependency=True,
        )
        return compile_call(
            marker.function, inner, slots_of(inner, within), within, shared=marker.use_cache, outer=outer
        )
    if slot.source in _PLAIN_PARTS:
        return _plain(slot, place)
    reader = _reader(argument)
    if slot.source == "body":
        return whole_getter(argument, reader)
    if slot.source == "query_object":
        return _query_object(argument)
    if slot.source == "field":
        return FieldGetter(argument, key, reader)
    attribute = {"query": "query_params", "path": "path_params", "header": "headers", "cookie": "cookies"}
    return _text(argument, key, reader, attribute[slot.source])


def _plain(slot: Slot, place: Place) -> Getter:
    source = slot.source
    if source == "context":
        return lambda frame: frame.context
    if source in ("request", "input"):
        if is_dict(slot.argument):
            return lambda frame: _object_input(frame, place)
        return lambda frame: frame.input
    return lambda frame: getattr(frame.input, source) if isinstance(frame, RequestFrame) else {}


def _object_input(frame: Frame, place: Place) -> Any:
    """The whole input where the hint says dict; a request is as good as one."""
    value = frame.input
    if place.kind not in ("http", "cron", "at") and not isinstance(value, dict):
        frame.problems.found.append(NOT_AN_OBJECT)
    return value


def whole_getter(argument: Argument, reader: TypeReader | None) -> Getter:
    """Reads the whole body or payload; its default, None or a problem where there is none."""

    def get(frame: Frame) -> Any:
        value = frame.whole(reader)
        return _default(argument, frame, "") if value is MISSING else value

    return get


def _text(argument: Argument, key: str, reader: TypeReader | None, attribute: str) -> Getter:
    many = is_many(argument.annotation)

    def get(frame: Frame) -> Any:
        value = frame.part(attribute, key)
        if value is MISSING:
            return _default(argument, frame, key)
        if many and isinstance(value, str):
            value = [value]
        return frame.problems.read(reader, value, (key,))

    return get


def _query_object(argument: Argument) -> Getter:
    reader = TypeReader(argument.annotation)
    schema = schema_of(bare(argument.annotation))
    assert schema is not None

    def get(frame: Frame) -> Any:
        values = frame.input.query_params if isinstance(frame, RequestFrame) else frame.fields
        if not values and not argument.required:
            return argument.default
        return frame.problems.read(reader, typed_strings(values, schema.json_schema), ())

    return get


def _default(argument: Argument, frame: Frame, key: str) -> Any:
    if not argument.required:
        return argument.default
    if not key and allows_none(argument.annotation):
        return None
    frame.problems.found.append(((key,) if key else (), "Field required" if key else "A body is required"))
    return None


def _reader(argument: Argument) -> TypeReader | None:
    """Checks and converts as the hint says; none where it says nothing."""
    if argument.annotation is EMPTY or argument.annotation in (Any, object):
        return None
    return TypeReader(argument.annotation)
