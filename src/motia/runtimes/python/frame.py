"""What one call is bound from: the parts of a request, or the payload of a message."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from motia.authoring.payload import Payload, payload_of
from motia.authoring.request import Request
from motia.authoring.validated import FORMS, unsupported_body
from motia.encoding import decode_payload, encode
from motia.schemas import Schema, TypeReader, schema_of
from motia.schemas.problems import Location
from motia.schemas.strings import typed_strings
from motia.schemas.typed import problems_of

MISSING: Any = object()


class Problems:
    """Collects what is wrong with the arguments, so that a caller learns all of it at once."""

    __slots__ = ("found",)

    def __init__(self) -> None:
        self.found: list[tuple[Location, str]] = []

    def read(self, reader: TypeReader | None, value: Any, at: Location) -> Any:
        """The value as the reader's type; None and a problem where it is none."""
        if reader is None:
            return value
        try:
            return reader.read_value(value)
        except ValidationError as error:
            self.found.extend(problems_of(error, at))
            return None


class RequestFrame:
    """Reads arguments from a request, whose parts were already validated where a schema was given."""

    __slots__ = ("context", "fields", "input", "problems", "shared")

    def __init__(self, view: Request[Any], context: Any, *, wants_fields: bool) -> None:
        self.input = view
        self.context = context
        self.problems = Problems()
        self.shared: dict[Any, Any] = {}
        """Results of dependencies, by their function."""
        body = view.body if wants_fields else None
        self.fields: Mapping[str, Any] = body if isinstance(body, Mapping) else {}

    def field(self, name: str) -> Any:
        """A field of the body, or a query parameter; MISSING without either."""
        if name in self.fields:
            return self.fields[name]
        return self.input.query_params.get(name, MISSING)

    def part(self, name: str, key: str) -> Any:
        """One entry of `query_params`, `path_params`, `headers` or `cookies`; MISSING without it."""
        return getattr(self.input, name).get(key, MISSING)

    def whole(self, reader: TypeReader | None) -> Any:
        """The body, as a type if asked; MISSING without one."""
        if reader is not None:
            return read_typed_body(self.input, reader)
        body = self.input.body
        return MISSING if body is None else body


class PayloadFrame:
    """Reads arguments from the payload of a message, tick or change, or of a call by hand."""

    __slots__ = ("context", "fields", "input", "problems", "shared")

    def __init__(self, value: Any, context: Any) -> None:
        self.input = value
        self.context = context
        self.problems = Problems()
        self.shared: dict[Any, Any] = {}
        self.fields: Mapping[str, Any] = value if isinstance(value, Mapping) else {}

    def field(self, name: str) -> Any:
        """A field of the payload; MISSING without it."""
        return self.fields.get(name, MISSING)

    def part(self, name: str, key: str) -> Any:
        """By hand there is no path and no query: fields stand in for them. Never a header or a cookie."""
        return self.field(key) if name in ("query_params", "path_params") else MISSING

    def whole(self, reader: TypeReader | None) -> Any:
        """The payload, as a type if asked; MISSING when it is null."""
        if self.input is None:
            return MISSING
        if reader is None:
            return self.input
        # Through JSON again: a strict model takes a date from a JSON text, and from no Python text.
        plain = dict(self.input) if isinstance(self.input, Payload) else self.input
        return reader.from_json(encode(plain), "input")


Frame = RequestFrame | PayloadFrame


def read_typed_body(view: Request[Any], reader: TypeReader) -> Any:
    """The body as a type: JSON, a form, or what middleware put there; MISSING without one.

    Failure: `InputError`, 415 for other content.
    """
    data = view.json_bytes
    if data is not None:
        return reader.from_json(data) if data else MISSING
    body = view.body
    if body is None:
        return MISSING
    if isinstance(body, bytes) and reader.annotation is not bytes:
        raise unsupported_body(view)
    if isinstance(body, str) and view.content_type.startswith("text/") and reader.annotation is not str:
        raise unsupported_body(view)
    if view.content_type in FORMS and isinstance(body, Mapping):
        schema = schema_of(reader.annotation)
        assert schema is not None
        body = typed_strings(body, schema.json_schema)
    return reader.from_value(body, "body")


def payload_reader(kind: type[Payload], schema: Schema | None) -> Callable[[Any], Any]:
    """Reads the payload of an occurrence as handlers get it, validated by the schema if there is one."""
    read: Callable[[bytes], Any] = decode_payload if schema is None else schema.validate_json
    return lambda occurrence: payload_of(read(occurrence.payload), kind)


def batch_reader(kind: type[Payload], schema: Schema | None) -> Callable[[Any], Any]:
    """Like `payload_reader`, for a list of payloads of which each fits the schema."""

    def read(occurrence: Any) -> list[Any]:
        payloads = decode_payload(occurrence.payload)
        if schema is not None:
            payloads = [schema.validate(payload) for payload in payloads]
        return [payload_of(payload, kind) for payload in payloads]

    return read
