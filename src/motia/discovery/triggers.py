"""One trigger of a config, in any spelling, as the triggers of the core."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeGuard, cast

from motia.core.trigger import (
    CronTrigger,
    HttpTrigger,
    JsonSchema,
    MissedTicks,
    Overlap,
    QueryParameter,
    QueueTrigger,
    StateTrigger,
    StreamTrigger,
    TimeTrigger,
    Trigger,
)
from motia.discovery.flow_control import read_idempotency
from motia.discovery.policy import POLICY_ALIASES, POLICY_KEYS, read_policy, read_timeout_s
from motia.discovery.routes import METHODS, BadPath, canonical_path
from motia.discovery.section import Section, function_id
from motia.discovery.values import epoch_ms, shown, snake
from motia.schemas import Schema

TriggerKind = Literal["http", "queue", "cron", "state", "stream", "at"]

KIND_OF_TYPE: Mapping[str, TriggerKind] = {
    "http": "http",
    "api": "http",
    "queue": "queue",
    "event": "queue",
    "cron": "cron",
    "schedule": "cron",
    "state": "state",
    "stream": "stream",
    "at": "at",
}
TRIGGER_ALIASES = {
    **POLICY_ALIASES,
    "input_schema": "input",
    "request_schema": "body_schema",
    "response_schemas": "response_schema",
    "responses": "response_schema",
    "path_params_schema": "params_schema",
    "path_schema": "params_schema",
    "query_params_schema": "query_schema",
    "query_parameters": "query_params",
    "cron": "expression",
    "schedule": "expression",
    "tz": "timezone",
    "idempotent": "idempotency",
    "idempotency_key": "idempotency",
    "topics": "subscribes",
    "listens": "subscribes",
    "stream_name": "stream",
    "when": "at",
    "run_at": "at",
}
KEYS_OF_KIND: Mapping[TriggerKind, frozenset[str]] = {
    "http": frozenset(
        {
            "method",
            "path",
            "schema",
            "body_schema",
            "query_schema",
            "params_schema",
            "response_schema",
            "query_params",
            "middleware",
            "auth",
            "security",
            "condition",
            "timeout",
            "timeout_ms",
            "max_body_bytes",
            "idempotency",
        }
    ),
    "queue": POLICY_KEYS | {"topic", "subscribes", "input", "schema", "condition"},
    "cron": POLICY_KEYS | {"expression", "timezone", "missed", "overlap", "condition"},
    "state": POLICY_KEYS | {"scope", "key", "condition"},
    "stream": POLICY_KEYS | {"stream", "group_id", "item_id", "condition"},
    "at": POLICY_KEYS | {"at", "condition"},
}
SCHEMA_PARTS = {
    "body": "body",
    "body_schema": "body",
    "query": "query",
    "query_params": "query",
    "params": "params",
    "path_params": "params",
    "path": "params",
    "response": "response",
    "responses": "response",
}
"""Keys of an HTTP trigger's `schema` when it is given in parts."""


CronCheck = Callable[[str, str | None], tuple[str, str | None] | None]
"""What is wrong with an expression in a time zone and how to fix it; None when nothing is."""


def read_triggers(kind: TriggerKind, section: Section, check_cron: CronCheck) -> list[Trigger]:
    """The triggers that one flattened section declares; wrong values are reported to the section's report."""
    if kind == "http":
        return _http(section)
    if kind == "queue":
        return _queue(section)
    if kind == "cron":
        return _cron(section, check_cron)
    if kind == "state":
        return [
            StateTrigger(
                scope=section.text("scope"),
                key=section.text("key"),
                policy=read_policy(section),
                condition=section.function("condition"),
            )
        ]
    if kind == "stream":
        return _stream(section)
    return _at(section)


def _missing(section: Section, key: str, what: str) -> None:
    section.report.problem(f"{section.where}: expected {what} in `{key}`, got none", code="step.bad_trigger")


def _http(section: Section) -> list[Trigger]:
    methods, path = _methods(section), _path(section)
    schemas = _http_schemas(section)
    auth, security = _auth(section)
    shared: dict[str, Any] = {
        "body_schema": schemas.get("body"),
        "query_schema": schemas.get("query"),
        "params_schema": schemas.get("params"),
        "response_schemas": schemas.get("response") or {},
        "query_parameters": _query_parameters(section),
        "middleware": section.functions("middleware"),
        "auth": auth,
        "security": security,
        "condition": section.function("condition"),
        "timeout_s": read_timeout_s(section),
        "max_body_bytes": section.integer("max_body_bytes", 1),
        "idempotency": read_idempotency(section),
    }
    return [HttpTrigger(method=method, path=path, **shared) for method in methods] if path else []


def _methods(section: Section) -> list[str]:
    written = section.texts("method")
    if not written:
        if "method" not in section.entries:
            _missing(section, "method", f"one of {', '.join(METHODS)}")
        return []
    methods = list(dict.fromkeys(method.upper() for method in written))
    if any(method not in METHODS for method in methods):
        section.wrong("method", f"one of {', '.join(METHODS)}", code="step.bad_route")
        return []
    return methods


def _path(section: Section) -> str | None:
    written = section.text("path")
    if written is None:
        if "path" not in section.entries:
            _missing(section, "path", "a path")
        return None
    try:
        return canonical_path(written)
    except BadPath as error:
        section.wrong("path", error.expected, code="step.bad_route")
        return None


def _http_schemas(section: Section) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    whole = section.value("schema")
    if in_parts(whole):
        for written, value in whole.items():
            parts[SCHEMA_PARTS[snake(written)]] = value
        parts = {
            part: _responses(section, "schema", value) if part == "response" else value or None
            for part, value in parts.items()
        }
    elif (schema := section.schema("schema")) is not None or (schema := section.schema("input")) is not None:
        parts["body"] = schema
    if _is_schema(parameters := section.value("query_params")):
        parts.setdefault("query", parameters)
    for part in ("body", "query", "params"):
        if (schema := section.schema(f"{part}_schema")) is not None:
            parts[part] = schema
    if (responses := section.value("response_schema")) is not None:
        parts["response"] = _responses(section, "response_schema", responses)
    return parts


def in_parts(schema: Any) -> bool:
    """True for an HTTP `schema` given as `{body, query, params, response}` and not as one schema."""
    return _is_plain(schema) and bool(schema) and all(snake(str(k)) in SCHEMA_PARTS for k in schema)


def _is_plain(value: Any) -> TypeGuard[Mapping[Any, Any]]:
    """A mapping as the config has it, and no schema made of a type: that is not to be read for this."""
    return isinstance(value, Mapping) and not isinstance(value, Schema)


def _is_schema(value: Any) -> bool:
    return isinstance(value, Mapping) and ("properties" in value or "$ref" in value)


def _responses(section: Section, key: str, value: Any) -> dict[int, JsonSchema]:
    if not isinstance(value, Mapping):
        section.wrong(key, "schemas by status")
        return {}
    if not _is_plain(value) or not value or not all(str(status).isdigit() for status in value):
        return {200: value} if value else {}
    by_status: dict[int, JsonSchema] = {}
    for status, schema in value.items():
        if not 100 <= int(status) <= 599:
            section.wrong(key, f"statuses from 100 to 599, {status} is none")
        elif isinstance(schema, Mapping):
            by_status[int(status)] = schema
        elif schema is not None:
            section.wrong(key, f"a schema for status {status}")
    return by_status


def _query_parameters(section: Section) -> tuple[QueryParameter, ...]:
    value = section.value("query_params")
    if value is None or _is_schema(value):
        return ()
    if isinstance(value, Mapping):
        value = [{"name": name, "description": text} for name, text in value.items()]
    parameters = []
    for item in value if isinstance(value, Sequence) and not isinstance(value, str) else [None]:
        named = {"name": item} if isinstance(item, str) else item
        if not isinstance(named, Mapping) or not isinstance(named.get("name"), str):
            section.wrong("query_params", "a list of {name, description}")
            return ()
        parameters.append(QueryParameter(name=named["name"], description=str(named.get("description") or "")))
    return tuple(parameters)


def _auth(section: Section) -> tuple[str | None, Mapping[str, Any] | None]:
    """`auth` is a function, or a function with the security scheme that documents it."""
    security = section.value("security")
    auth = section.value("auth")
    if isinstance(auth, Mapping) and function_id(auth) is None:
        security = security or auth.get("security")
        for key in ("function", "check", "auth"):
            if (handle := function_id(auth.get(key))) is not None:
                return handle, security
    if security is not None and not isinstance(security, Mapping):
        section.wrong("security", "{scheme name: OpenAPI security scheme}")
        security = None
    return section.function("auth"), security


def _queue(section: Section) -> list[Trigger]:
    topics = list(dict.fromkeys((*section.texts("topic"), *section.texts("subscribes"))))
    if not topics and not {"topic", "subscribes"} & section.entries.keys():
        _missing(section, "topic", "a topic")
    schema = section.schema("input") or section.schema("schema")
    policy, condition = read_policy(section), section.function("condition")
    return [QueueTrigger(topic=topic, schema=schema, policy=policy, condition=condition) for topic in topics]


def _cron(section: Section, check_cron: CronCheck) -> list[Trigger]:
    expression, timezone = section.text("expression"), section.text("timezone")
    if expression is None:
        if "expression" not in section.entries:
            _missing(section, "expression", "a cron expression")
        return []
    wrong = check_cron(expression, None)
    if wrong is not None:
        error, hint = wrong
        section.report.problem(
            f"{section.at('expression')}: expected a cron expression, got {shown(expression)}: {error}",
            code="step.bad_cron",
            hint=hint
            or "5 fields (minute hour day month weekday), 6 with seconds first, or a name such as @daily",
        )
    wrong = None if timezone is None else check_cron("@daily", timezone)
    if wrong is not None:
        error, hint = wrong
        section.report.problem(f"{section.at('timezone')}: {error}", code="step.bad_cron", hint=hint)
    missed = section.choice("missed", ("skip", "once", "all")) or "skip"
    overlap = section.choice("overlap", ("skip", "queue", "allow"))
    if overlap is None:
        # Ticks that are made up for come all at once: skipped, all but the first would be missed after all.
        overlap = "queue" if missed == "all" else "skip"
    return [
        CronTrigger(
            expression=expression,
            timezone=timezone,
            missed=cast(MissedTicks, missed),
            overlap=cast(Overlap, overlap),
            policy=read_policy(section),
            condition=section.function("condition"),
        )
    ]


def _stream(section: Section) -> list[Trigger]:
    stream = section.text("stream")
    if stream is None:
        if "stream" not in section.entries:
            _missing(section, "stream", "the name of a stream")
        return []
    return [
        StreamTrigger(
            stream=stream,
            group_id=section.text("group_id"),
            item_id=section.text("item_id"),
            policy=read_policy(section),
            condition=section.function("condition"),
        )
    ]


def _at(section: Section) -> list[Trigger]:
    at_ms = epoch_ms(section.value("at"))
    if at_ms is None:
        section.wrong(
            "at", "a point in time: an ISO text, a datetime or an epoch number", code="step.bad_trigger"
        )
        return []
    return [TimeTrigger(at_ms=at_ms, policy=read_policy(section), condition=section.function("condition"))]
