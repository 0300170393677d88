"""Turning what happened into the arguments of a handler, by a plan made once per function and trigger.

Handlers beside a `config` get `(input, ctx)` by position, and their hints mean nothing. Decorated functions
bind by name, and their hints are the schema (`signature.py`).
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Literal

from motia.authoring.payload import Payload, StateTriggerInput, StreamTriggerInput
from motia.authoring.request import Request
from motia.authoring.steps import Branches
from motia.authoring.validated import validated_view
from motia.core.trigger import HttpTrigger, QueueTrigger, Trigger
from motia.errors import DefinitionError
from motia.runtimes.python.arguments import NOT_AN_OBJECT, compile_call, is_dict, whole_getter
from motia.runtimes.python.dependencies import Call, is_async
from motia.runtimes.python.frame import (
    Frame,
    PayloadFrame,
    RequestFrame,
    batch_reader,
    payload_reader,
)
from motia.runtimes.python.hints import EMPTY, Signature, is_context, is_object, read_signature
from motia.runtimes.python.signature import CONTEXT_NAMES, Place, Slot, place_of, slots_of
from motia.schemas import Schema, TypeReader, schema_of
from motia.schemas.problems import input_invalid

Dialect = Literal["triggers", "type", "function"]
CallHandler = Callable[[Any, Any], Any]
"""`(input, ctx)` → what the function returns: a value, an awaitable or a generator."""
Prepare = Callable[[Any, Any, AsyncExitStack], Awaitable[tuple[list[Any], dict[str, Any]]]]
_PAYLOAD_OF_KIND: dict[str, type[Payload]] = {"state": StateTriggerInput, "stream": StreamTriggerInput}


@dataclass(frozen=True, slots=True)
class BoundHandler:
    """A function ready to be called for one trigger.

    *Order*: `input_of`, then whatever sees the input before the handler (auth, conditions, middleware, which
    may change it), then `call`. *Failure*: both raise `InputError` before the function runs.
    """

    function: Callable[..., Any]
    is_async: bool
    """A coroutine function or an async generator: call it on the loop. Others may block: in a thread."""
    input_of: Callable[[Any], Any]
    """Occurrence → the whole input, validated by the trigger's schemas: a `Request`, a payload, or None."""
    call: CallHandler
    """Build the arguments from the input and the context, and call. Only where `prepare` is None."""
    prepare: Prepare | None = None
    """Where there are dependencies: resolves them on the loop, onto the stack that will tear them down, and
    gives the arguments for `function`."""


def bind_handler(function: Callable[..., Any], trigger: Trigger | None, *, dialect: Dialect) -> BoundHandler:
    """The plan for calling `function` for `trigger`; None = run by hand.

    Failure: `DefinitionError` `step.bad_signature` when no input could ever fill the parameters.
    """
    if isinstance(function, Branches):
        function = function.branch("manual" if trigger is None else trigger.kind)
    place = place_of(trigger)
    signature = read_signature(function)
    if dialect == "function" and (signature.arguments or not signature.any_positional):
        return _by_name(function, signature, trigger, place)
    # A wrapper that shows nothing of what it wraps is called by position too: it is all that can be known.
    call = _by_position(function, signature, place, dialect)
    return BoundHandler(function, is_async(function), _input_reader(trigger, place), call)


def _explicit(schema: Any) -> Schema | None:
    """A schema that the author gave, and not one that this function's own hints say."""
    found = schema_of(schema)
    return None if found is None or found.from_hints else found


def _input_reader(trigger: Trigger | None, place: Place, read_by_hint: Any = None) -> Callable[[Any], Any]:
    """Gives the whole input of an occurrence: the request, the payload, None for a tick.

    A schema that is the very type `read_by_hint` is left to the parameter that is hinted with it.
    """
    if isinstance(trigger, HttpTrigger):
        body, query = _explicit(trigger.body_schema), _explicit(trigger.query_schema)
        params = _explicit(trigger.params_schema)
        if body is not None and body.source is read_by_hint:
            body = None
        if body is None and query is None and params is None:
            return Request
        return lambda occurrence: validated_view(Request(occurrence), body, query, params)
    schema = _explicit(trigger.schema) if isinstance(trigger, QueueTrigger) else None
    if schema is not None and schema.source is read_by_hint:
        schema = None
    kind = _PAYLOAD_OF_KIND.get(place.kind, Payload)
    if trigger is not None and trigger.policy.batch is not None:
        return batch_reader(kind, schema)
    return payload_reader(kind, schema)


# By position ----------------------------------------------------------------------------------------


def _by_position(
    function: Callable[..., Any], signature: Signature, place: Place, dialect: Dialect
) -> CallHandler:
    positional = [argument for argument in signature.arguments if not argument.keyword_only]
    keyword = [argument for argument in signature.arguments if argument.keyword_only and argument.required]
    unknown = [argument.name for argument in keyword if argument.name not in CONTEXT_NAMES]
    unknown += [argument.name for argument in positional[2:] if argument.required]
    if unknown:
        raise _bad_signature(
            function,
            f"expected a handler with the parameters (input, ctx), got also {', '.join(unknown)}",
            hint="give the others defaults, or decorate the function with @step to bind by name",
        )
    count = 2 if signature.any_positional else min(len(positional), 2)
    if keyword:
        name = keyword[0].name
        return lambda input, ctx: function(*(input,)[:count], **{name: ctx})
    if count == 0:
        return lambda input, ctx: function()
    if count == 2:
        return function
    only = positional[0]
    ticks = place.kind in ("cron", "at")
    if is_context(only) or (ticks and (dialect == "type" or only.name in CONTEXT_NAMES)):
        return lambda input, ctx: function(ctx)
    return lambda input, ctx: function(input)


# By name --------------------------------------------------------------------------------------------


def _by_name(
    function: Callable[..., Any], signature: Signature, trigger: Trigger | None, place: Place
) -> BoundHandler:
    slots = slots_of(signature, place)
    _check_slots(function, slots, place)
    whole = next((slot.argument.annotation for slot in slots if slot.source == "body"), None)
    input_of = _input_reader(trigger, place, whole)
    fast = _fast(function, signature, slots, place)
    if fast is not None:
        return BoundHandler(function, is_async(function), input_of, fast)
    call = compile_call(function, signature, slots, place)
    if place.kind == "http":
        wants_fields = _wants_fields(call)

        def frame_of(input: Any, ctx: Any) -> Frame:
            return RequestFrame(input, ctx, wants_fields=wants_fields)
    else:
        frame_of = PayloadFrame  # type: ignore[assignment]  # made from the input and the context, too
    if not call.has_dependencies:
        return BoundHandler(
            function, is_async(function), input_of, lambda input, ctx: call.run(frame_of(input, ctx))
        )
    if inspect.isasyncgenfunction(function):
        return BoundHandler(function, True, input_of, lambda input, ctx: call.iterate(frame_of(input, ctx)))
    if inspect.isgeneratorfunction(function):
        if (blocked := call.first_async) is not None:
            raise _bad_signature(
                function,
                f"expected sync dependencies for a `def` generator, got {blocked.__name__!r}",
                hint="make the handler `async def`, or the dependency `def`",
            )
        return BoundHandler(
            function, False, input_of, lambda input, ctx: call.iterate_sync(frame_of(input, ctx))
        )
    return BoundHandler(
        function,
        is_async(function),
        input_of,
        lambda input, ctx: call.run(frame_of(input, ctx)),
        lambda input, ctx, stack: call.resolve(frame_of(input, ctx), stack),
    )


def _check_slots(function: Callable[..., Any], slots: tuple[Slot, ...], place: Place) -> None:
    for slot in slots:
        name = slot.argument.name
        if slot.argument.unresolved and slot.source not in ("context", "depends"):
            raise _bad_signature(
                function,
                f"parameter {name!r}: expected a type hint that can be read, got {slot.argument.hint!r}",
                hint="import its names at the top of the file, outside of `if TYPE_CHECKING:`",
            )
        if place.kind in ("cron", "at") and slot.source in ("field", "body") and slot.argument.required:
            raise _bad_signature(
                function,
                f"parameter {name!r}: expected only `ctx` on a {place.kind} trigger, which has no payload",
                hint=f"give {name!r} a default",
            )


def _fast(
    function: Callable[..., Any], signature: Signature, slots: tuple[Slot, ...], place: Place
) -> CallHandler | None:
    """Plans without a frame for the shapes that most handlers have; None for all others."""
    if signature.any_keyword or any(slot.argument.keyword_only for slot in slots):
        return None
    http = place.kind == "http"
    match [slot.source for slot in slots]:
        case []:
            return lambda input, ctx: function()
        case ["request"] if http:
            return lambda input, ctx: function(input)
        case ["request", "context"] if http:
            return function
        case ["context"]:
            return lambda input, ctx: function(ctx)
        case ["body"] | ["body", "context"] if http and is_object(slots[0].argument.annotation):
            return _fast_body(function, slots[0], with_context=len(slots) == 2)
        case ["input"] if slots[0].argument.annotation is EMPTY:
            return lambda input, ctx: function(input)
        case ["input", "context"] if slots[0].argument.annotation is EMPTY:
            return function
        case ["input"] | ["input", "context"] if is_dict(slots[0].argument) and _has_payload(place):
            return _fast_object(function, with_context=len(slots) == 2)
    return None


def _has_payload(place: Place) -> bool:
    return place.kind not in ("http", "cron", "at")


def _fast_object(function: Callable[..., Any], *, with_context: bool) -> CallHandler:
    """The plan for a whole payload that the hint says is an object."""

    def call(input: Any, ctx: Any) -> Any:
        if not isinstance(input, dict):
            raise input_invalid([NOT_AN_OBJECT])
        return function(input, ctx) if with_context else function(input)

    return call


def _fast_body(function: Callable[..., Any], slot: Slot, *, with_context: bool) -> CallHandler:
    """The plan for one typed body: parse, then call."""
    argument = slot.argument
    reader = TypeReader(argument.annotation)
    read = reader.from_json
    otherwise = whole_getter(argument, reader)

    def call(input: Any, ctx: Any) -> Any:
        data = _plain_json(input)
        if data:
            body = read(data)
        else:
            frame = RequestFrame(input, ctx, wants_fields=False)
            body = otherwise(frame)
            if frame.problems.found:
                raise input_invalid(frame.problems.found)
        return function(body, ctx) if with_context else function(body)

    return call


def _plain_json(request: Request[Any]) -> bytes | None:
    """The body where it says `application/json` and nobody replaced it: nearly always. Else None."""
    if "_replaced" not in request.__dict__:
        raw = request._raw
        for name, value in raw.headers:
            if name == b"content-type":
                return raw.body if value == b"application/json" else None
    return None


def _wants_fields(call: Call) -> bool:
    return call.takes_rest or any(
        _wants_fields(part) if isinstance(part, Call) else getattr(part, "wants_fields", False)
        for part in call.parts
    )


def _bad_signature(function: Callable[..., Any], message: str, *, hint: str) -> DefinitionError:
    code = getattr(inspect.unwrap(function), "__code__", None)
    return DefinitionError(
        f"{getattr(function, '__name__', 'handler')}: {message}",
        code="step.bad_signature",
        path=code.co_filename if code else "",
        line=code.co_firstlineno if code else 1,
        hint=hint,
    )
