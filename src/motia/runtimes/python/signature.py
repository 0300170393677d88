"""What each parameter of a step function stands for, and the schemas that its hints say. Pure.

Names bind in this order: a marker (`Depends`, `Header` …), a path parameter, the context or the request (by
hint or name), a field the schema declares, the other special names, and then a query or payload field. One
parameter hinted with a model is the whole body.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from motia.authoring.depends import Dependency
from motia.authoring.forms import UploadFile
from motia.authoring.request import Request
from motia.authoring.results import ApiResponse, Response
from motia.core.trigger import HttpTrigger, JsonSchema, QueueTrigger, Trigger
from motia.runtimes.python.hints import (
    EMPTY,
    Argument,
    Signature,
    allows_none,
    bare,
    is_context,
    is_many,
    is_object,
    is_open,
    is_request,
    is_scalar,
    read_signature,
)
from motia.schemas import Schema, object_schema, output_schema, schema_of

Source = Literal[
    "context",
    "request",
    "input",
    "body",
    "field",
    "query",
    "query_object",
    "path",
    "header",
    "cookie",
    "headers",
    "cookies",
    "query_params",
    "path_params",
    "depends",
]

CONTEXT_NAMES = frozenset({"ctx", "context", "_ctx", "_context", "flow_context"})
_REQUEST_NAMES = frozenset({"request", "req", "_request", "_req"})
_INPUT_NAMES = frozenset(
    {"input", "input_data", "args", "data", "payload", "event", "message", "msg"}
    | {"_", "_input", "_data", "_args", "_event", "_payload", "_message"}
)
_PARTS: Mapping[str, Source] = {
    "headers": "headers",
    "cookies": "cookies",
    "query_params": "query_params",
    "path_params": "path_params",
}
_WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS"})
_FIELDS_IN_QUERY = _WITHOUT_BODY | {"DELETE"}
_PATH_NAME = re.compile(r"[:{*]([A-Za-z_]\w*)")


@dataclass(frozen=True, slots=True)
class Slot:
    """One argument and where its value comes from."""

    argument: Argument
    source: Source
    key: str
    """Name at the source; empty for the whole of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a function is bound to, as far as names depend on it."""

    kind: str
    """http, queue, cron, state, stream, at, or manual."""
    method: str = ""
    path_names: frozenset[str] = frozenset()
    schema: JsonSchema | None = None
    """That of the body or payload, where there is one."""
    dependency: bool = False

    @property
    def declared(self) -> frozenset[str]:
        """Fields that an explicit schema names."""
        if self.schema is None or getattr(self.schema, "from_hints", False):
            return frozenset()
        properties = self.schema.get("properties")
        return frozenset(properties) if isinstance(properties, Mapping) else frozenset()


def place_of(trigger: Trigger | None) -> Place:
    """The place of a trigger of the registry; None = run by hand."""
    if isinstance(trigger, HttpTrigger):
        return Place(
            kind="http",
            method=trigger.method,
            path_names=frozenset(_PATH_NAME.findall(trigger.path)),
            schema=trigger.body_schema,
        )
    if isinstance(trigger, QueueTrigger):
        return Place(kind="queue", schema=None if trigger.policy.batch else trigger.schema)
    return Place(kind="manual" if trigger is None else trigger.kind)


def slots_of(signature: Signature, place: Place) -> tuple[Slot, ...]:
    """Where each argument's value comes from, in the order of the parameters."""
    found: dict[str, Slot] = {}
    rest: list[Argument] = []
    for position, argument in enumerate(signature.arguments):
        slot = _named(argument, place, first=position == 0)
        if slot is None:
            rest.append(argument)
        else:
            found[argument.name] = slot
    whole_taken = any(slot.source in ("body", "input") and not slot.key for slot in found.values())
    for argument in rest:
        found[argument.name] = _unnamed(argument, rest, place, whole_taken)
    return tuple(found[argument.name] for argument in signature.arguments)


def _named(argument: Argument, place: Place, *, first: bool) -> Slot | None:
    name, marker = argument.name, argument.marker
    if isinstance(marker, Dependency):
        return Slot(argument, "depends", "")
    if marker is not None:
        return _marked(argument, marker.source, marker.name)
    http = place.kind == "http"
    if http and name in place.path_names:
        return Slot(argument, "path", name)
    if is_context(argument) or (name in CONTEXT_NAMES and is_open(argument.annotation)):
        return Slot(argument, "context", "")
    if is_request(argument) or (name in _REQUEST_NAMES and is_open(argument.annotation)):
        return Slot(argument, "request" if http else "input", "")
    if name in place.declared:
        return Slot(argument, "field", name)
    if name == "body":
        return Slot(argument, "body", "")
    if http and name in _PARTS and is_open(argument.annotation):
        return Slot(argument, _PARTS[name], "")
    if name in _INPUT_NAMES and is_open(argument.annotation) and (first or name == "input"):
        whole_body = http and name in ("data", "payload") and place.method not in _WITHOUT_BODY
        return Slot(argument, "body" if whole_body else "request" if http else "input", "")
    return None


def _marked(argument: Argument, source: str, name: str | None) -> Slot:
    if source == "header":
        return Slot(argument, "header", (name or argument.name.replace("_", "-")).lower())
    if source == "body":
        return Slot(argument, "field", name) if name else Slot(argument, "body", "")
    if source == "query" and is_object(argument.annotation):
        return Slot(argument, "query_object", "")
    return Slot(argument, "query" if source == "query" else "cookie", name or argument.name)


def _unnamed(argument: Argument, rest: list[Argument], place: Place, whole_taken: bool) -> Slot:
    annotation = argument.annotation
    objects = [item for item in rest if is_object(item.annotation)]
    http = place.kind == "http"
    if is_object(annotation) and len(objects) == 1 and not whole_taken:
        if http and place.method in _WITHOUT_BODY:
            return Slot(argument, "query_object", "")
        return Slot(argument, "body", "")
    whole_taken = whole_taken or len(objects) == 1
    if http:
        if not (is_object(annotation) or place.method in _FIELDS_IN_QUERY or whole_taken or place.dependency):
            plain = annotation is EMPTY or is_scalar(annotation) or bare(annotation) is UploadFile
            alone = len(rest) == 1 and not plain and not place.declared
            return Slot(argument, "body", "") if alone else Slot(argument, "field", argument.name)
        return Slot(argument, "field" if is_object(annotation) else "query", argument.name)
    alone = len(rest) == 1 and argument.required and not whole_taken and not place.dependency
    if alone and is_open(annotation) and not place.declared:
        return Slot(argument, "input", "")
    if alone and is_many(annotation) and not place.declared:
        return Slot(argument, "body", "")
    return Slot(argument, "field", argument.name)


def signature_schemas(function: Callable[..., Any], trigger: Mapping[str, Any]) -> dict[str, Schema]:
    """Schemas that the hints of a function say for one of its triggers, given as a config dict.

    Keys: `body`, `query`, `params`, `response` for http, `input` for queue; each only where there is
    something to say. They document: binding the arguments is what validates (`Schema.from_hints`).
    """
    place = _place_of_config(trigger)
    signature = read_signature(function)
    slots = slots_of(signature, place)
    where = getattr(getattr(function, "__code__", None), "co_filename", "")
    schemas: dict[str, Schema] = {}
    whole = next(
        (slot for slot in slots if slot.source == "body" and not is_open(slot.argument.annotation)), None
    )
    fields = _fields(slots, "field")
    name = "body" if place.kind == "http" else "input"
    if whole is not None:
        schemas[name] = _hinted(whole.argument.annotation, where)
        schemas[name].is_required = whole.argument.required and not allows_none(whole.argument.annotation)
    elif fields and place.kind in ("http", "queue"):
        schemas[name] = _object(slots, "field", where)
        schemas[name].is_required = any(slot.argument.required for slot in fields)
    if place.kind != "http":
        return schemas
    for part, source in (("query", "query"), ("params", "path")):
        if _fields(slots, source):
            schemas[part] = _object(slots, source, where)
    whole_query = next((slot for slot in slots if slot.source == "query_object"), None)
    if whole_query is not None:
        schemas["query"] = _hinted(whole_query.argument.annotation, where)
    if _is_documented(signature.returns):
        schemas["response"] = output_schema(signature.returns)
    return schemas


def _place_of_config(trigger: Mapping[str, Any]) -> Place:
    kind = {"api": "http", "event": "queue"}.get(str(trigger.get("type")), str(trigger.get("type")))
    given = trigger.get("body_schema") or trigger.get("bodySchema") or trigger.get("input")
    if given is None:
        given = trigger.get("schema")
        if kind == "http" and isinstance(given, Mapping) and "body" in given:
            given = given["body"]
    method = trigger.get("method") or ""
    return Place(
        kind=kind,
        method=(method if isinstance(method, str) else method[0]).upper(),
        path_names=frozenset(_PATH_NAME.findall(str(trigger.get("path") or ""))),
        schema=schema_of(given) if given else None,
    )


def _fields(slots: tuple[Slot, ...], source: str) -> list[Slot]:
    return [slot for slot in slots if slot.source == source]


def _object(slots: tuple[Slot, ...], source: str, where: str) -> Schema:
    found = _fields(slots, source)
    untyped = str if source == "path" else Any
    hints = {
        slot.key: untyped if slot.argument.annotation is EMPTY else slot.argument.annotation for slot in found
    }
    optional = frozenset(slot.key for slot in found if not slot.argument.required)
    return object_schema(hints, where, optional=optional, from_hints=True)


def _hinted(annotation: Any, where: str) -> Schema:
    schema = schema_of(annotation, where)
    assert schema is not None
    schema.from_hints = True
    return schema


def _is_documented(returns: Any) -> bool:
    if returns in (EMPTY, None, type(None), Any, str, bytes):
        return False
    kind = getattr(returns, "__origin__", returns)
    if not isinstance(kind, type):
        return True
    return (
        not issubclass(kind, Response | ApiResponse | Request)
        and not hasattr(kind, "__anext__")
        and not (hasattr(kind, "__aiter__") or hasattr(kind, "__next__"))
    )
