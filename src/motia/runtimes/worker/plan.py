"""What a worker is told to run a step: made once for each trigger, filled in for each execution."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import orjson

from motia.authoring.request import Request, joined_headers
from motia.authoring.validated import validated_view
from motia.core import occurrence as core
from motia.core.ids import format_id
from motia.core.invocation import Invocation
from motia.core.step import Step
from motia.core.trigger import FunctionId, HttpTrigger, JsonSchema, QueuePolicy, QueueTrigger, Trigger
from motia.http.query import parse_query
from motia.runtimes.worker.values import wire_text, wire_text_of_json
from motia.schemas import Schema, schema_of

PARSE = "x-motia-parse"
"""In a schema: the worker's function that enforces it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One step bound to one of its triggers."""

    head: bytes
    """The params that are the same every time, as JSON without its last brace."""
    context: bytes
    """The members of the context that are the same every time, without braces."""
    auth: FunctionId | None = None
    retry: FunctionId | None = None
    """Asked after a failure when to run again."""
    body: Schema | None = None
    query: Schema | None = None
    params: Schema | None = None
    input: Schema | None = None
    """Schemas that the node enforces."""

    def request_text(self, request: core.Request, doubles: bool) -> bytes:
        """The request as a member of the params. Failure: `InputError` for what its author's schemas or its
        content type refuse."""
        if self.query is None and self.params is None and not request.body:
            # Texts as they came: only reserved keys have to be looked for.
            query = parse_query(request.query_string)
            return b',"request":%b' % wire_text_of_json(_head_text(request, request.path_params, query))
        view: Request[Any] = Request(request)
        if self.body is not None or self.query is not None or self.params is not None:
            view = validated_view(view, self.body, self.query, self.params)
        typed = self.query is not None or self.params is not None
        head = _head_text(request, view.path_params, view.query_params)
        text = wire_text_of_json(head, doubles=doubles and typed)
        if not request.body:
            return b',"request":%b' % text
        value = view.body
        body = _body_text(view, value, doubles)
        if value is request.body or (type(value) is str and value.encode() == request.body):
            return b',"request":%b,"body":%b}' % (text[:-1], body)
        return b',"request":%b,"body":%b,"raw_body":%b}' % (text[:-1], body, _raw_text(request.body))

    def input_text(self, payload: bytes, doubles: bool) -> bytes:
        """The payload as a member of the params. Failure: `InputError` for what its schema refuses."""
        if self.input is None:
            return b',"input":%b' % wire_text_of_json(payload, doubles=doubles)
        return b',"input":%b' % wire_text(self.input.validate_json(payload), doubles=doubles)


def make_plan(step: Step, index: int | None) -> Plan:
    """The plan for running `step` by trigger `index`; None = by hand. Failure: `DefinitionError`."""
    trigger = None if index is None else step.triggers[index]
    head: dict[str, Any] = {"function": step.handler}
    parse: dict[str, FunctionId] = {}
    enforced: dict[str, Schema | None] = {}
    auth = None
    for part, schema in _schemas(trigger).items():
        if schema and isinstance(schema.get(PARSE), str):
            parse[part] = schema[PARSE]
        else:
            enforced[part] = schema_of(schema, step.source.path) or None
    if parse:
        head["parse"] = parse
    if trigger is not None and trigger.condition is not None:
        head["condition"] = trigger.condition
    if isinstance(trigger, HttpTrigger):
        auth = trigger.auth
        if auth is not None:
            head["auth"] = auth
        if trigger.middleware:
            head["middleware"] = list(trigger.middleware)
    context = {
        "step": step.name,
        "flows": list(step.flows),
        "dialect": step.dialect,
        "trigger": _trigger_of(trigger, index),
    }
    return Plan(
        head=orjson.dumps(head)[:-1],
        context=orjson.dumps(context)[1:-1],
        auth=auth,
        retry=_retry_of(trigger),
        **cast(Any, enforced),
    )


def params_text(plan: Plan, invocation: Invocation, *, deadline_ms: int, doubles: bool) -> bytes:
    """The params of `invoke`. Failure: `InputError`, `ValueRefused`."""
    occurrence = invocation.occurrence
    if isinstance(occurrence, core.Request):
        given = plan.request_text(occurrence, doubles)
    else:
        given = plan.input_text(occurrence.payload, doubles)
    return b'%b%b,"context":%b}' % (plan.head, given, context_text(plan, invocation, deadline_ms=deadline_ms))


def context_text(plan: Plan, invocation: Invocation, *, deadline_ms: int) -> bytes:
    """The context of one execution."""
    trace, claim = invocation.trace, invocation.claim
    message_id = b"" if claim is None else b',"message_id":"%b"' % format_id(claim.id).encode()
    return b'{"trace_id":"%b","span_id":"%b","attempt":%d,"deadline_ms":%d%b,%b}' % (
        trace.trace_id.encode(),
        trace.span_id.encode(),
        invocation.attempt,
        deadline_ms,
        message_id,
        plan.context,
    )


def auth_params_text(plan: Plan, invocation: Invocation, *, deadline_ms: int, doubles: bool) -> bytes:
    """The params of `call` that asks the step's `auth` alone, before the request was looked at."""
    bare = Plan(head=b"", context=plan.context)
    request = bare.request_text(cast(core.Request, invocation.occurrence), doubles)
    context = context_text(plan, invocation, deadline_ms=deadline_ms)
    return b'{"function":%b,"arguments":[%b],"context":%b}' % (
        orjson.dumps(plan.auth),
        request.removeprefix(b',"request":'),
        context,
    )


def _head_text(request: core.Request, path_params: Mapping[str, Any], query: Mapping[str, Any]) -> bytes:
    """The request without its body."""
    parts = {
        "method": request.method,
        "path": request.path,
        "route": request.route,
        "path_params": path_params,
        "query_params": query,
        "headers": joined_headers(request.headers),
    }
    if request.client is not None:
        parts["client"] = request.client
    return orjson.dumps(parts)


def _body_text(view: Request[Any], value: Any, doubles: bool) -> bytes:
    if "_replaced" not in view.__dict__ and view.json_bytes:
        # It was parsed just now, so its text is JSON and can be passed on as it is.
        return wire_text_of_json(view.json_bytes, doubles=doubles)
    return wire_text(value, doubles=doubles)


def _raw_text(body: bytes) -> bytes:
    try:
        return orjson.dumps(body.decode())
    except UnicodeDecodeError:
        return wire_text(body)


def _schemas(trigger: Trigger | None) -> Mapping[str, JsonSchema | None]:
    if isinstance(trigger, HttpTrigger):
        return {"body": trigger.body_schema, "query": trigger.query_schema, "params": trigger.params_schema}
    return {"input": trigger.schema} if isinstance(trigger, QueueTrigger) else {}


def _retry_of(trigger: Trigger | None) -> FunctionId | None:
    policy = getattr(trigger, "policy", None)
    return policy.retry_function if isinstance(policy, QueuePolicy) else None


def _trigger_of(trigger: Trigger | None, index: int | None) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "manual" if trigger is None else trigger.kind, "index": index}
    for name in ("topic", "method", "path", "expression"):
        value = getattr(trigger, name, None)
        if value is not None:
            found[name] = value
    return found
