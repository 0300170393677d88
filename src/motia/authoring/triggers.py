"""What makes a step run, as an author writes it: `http("POST", "/orders")`, `queue("order.created")`, …

Each gives a frozen value that discovery turns into the core's trigger. Durations are numbers of seconds,
`timedelta`s or texts such as "5m".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Literal, TypedDict, Unpack

from motia.authoring.durations import Duration
from motia.authoring.misuse import misuse
from motia.core.spelling import did_you_mean

ApiRouteMethod = Literal["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"]
TriggerCondition = Callable[[Any], Any] | Callable[[Any, Any], Any] | Callable[[], Any]
"""`condition(input, ctx)`, sync or async: a falsy result skips the step."""
ApiMiddleware = Callable[..., Any]
"""`middleware(request, ctx, next)`, sync or async."""


class Policy(TypedDict, total=False):
    """How the queue of a trigger hands out its messages."""

    concurrency: int | Mapping[str, Any]
    attempts: int
    retries: int
    retry: int | bool | Mapping[str, Any] | Callable[[Any, int], Any] | Callable[[Any], Any]
    timeout: Duration
    delay: Duration
    fifo: bool
    group_by: str
    backoff: Literal["exponential", "fixed"]
    retry_delay: Duration
    max_delay: Duration
    jitter: float
    rate_limit: str | Mapping[str, Any]
    priority: int | str
    ttl: Duration
    dedupe: bool | str | Mapping[str, Any]
    debounce: Duration | Mapping[str, Any]
    batch: int | Mapping[str, Any]
    on_failure: str
    execution: Literal["node", "process"]
    memory: int | str


_POLICY = frozenset(Policy.__annotations__)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_OLD_TYPES = {"http": "api", "queue": "event"}


class TriggerConfig:
    """A trigger as an author wrote it: its `type` and the keys that were given, readable as attributes.

    Frozen. Keys may be spelled in snake or in camel case. Discovery checks the values.
    """

    __slots__ = ("_given",)
    type: ClassVar[str]
    keys: ClassVar[frozenset[str]]

    def __init__(self, **given: Any) -> None:
        spelled = {_snake(key): value for key, value in given.items() if value is not None}
        if spelled.pop("type", self.type) not in (self.type, _OLD_TYPES.get(self.type)):
            raise misuse(f"{type(self).__name__}: expected type {self.type!r}, got {given['type']!r}")
        unknown = spelled.keys() - self.keys
        if unknown:
            near = (did_you_mean(name, self.keys) for name in sorted(unknown))
            raise misuse(
                f"{self.type}: expected options out of {', '.join(sorted(self.keys))}, "
                f"got {', '.join(sorted(unknown))}",
                hint="; ".join(filter(None, near)) or None,
            )
        object.__setattr__(self, "_given", spelled)

    def __getattr__(self, name: str) -> Any:
        if name in type(self).keys:
            return self._given.get(name)
        raise AttributeError(f"{self.type}: expected an option of the trigger, got {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{self.type}: expected a trigger to stay as it is, got a new {name!r}")

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other._given == self._given

    __hash__ = None  # type: ignore[assignment]  # schemas, which may be dicts, are part of the value

    def __repr__(self) -> str:
        return f"{self.type}({', '.join(f'{key}={value!r}' for key, value in self._given.items())})"

    def to_config(self) -> dict[str, Any]:
        """The trigger as a config dict: `type` and every key that was given."""
        return {"type": self.type, **self._given}


class ApiTrigger(TriggerConfig):
    """Runs the step for requests to a route."""

    __slots__ = ()
    type = "http"
    keys = frozenset(
        {"method", "path", "schema", "body_schema", "query_schema", "params_schema", "response_schema"}
        | {"query_params", "middleware", "auth", "security", "condition", "timeout", "max_body_bytes"}
        | {"idempotency"}
    )

    def to_config(self) -> dict[str, Any]:
        """The trigger as a config dict; the security scheme is that of `auth` unless given."""
        config = super().to_config()
        security = getattr(self.auth, "security", None)
        if security is not None:
            config.setdefault("security", security)
        if isinstance(self.query_params, list | tuple):
            config["query_params"] = [
                item.to_config() if hasattr(item, "to_config") else item for item in self.query_params
            ]
        return config


class QueueTrigger(TriggerConfig):
    """Runs the step for each message of a topic."""

    __slots__ = ()
    type = "queue"
    keys = _POLICY | {"topic", "input", "config", "condition"}


class CronTrigger(TriggerConfig):
    """Runs the step at each tick."""

    __slots__ = ()
    type = "cron"
    keys = _POLICY | {"expression", "timezone", "missed", "overlap", "condition"}


class StateTrigger(TriggerConfig):
    """Runs the step for each change of state."""

    __slots__ = ()
    type = "state"
    keys = _POLICY | {"scope", "key", "condition"}


class StreamTrigger(TriggerConfig):
    """Runs the step for each change of a stream's items."""

    __slots__ = ()
    type = "stream"
    keys = _POLICY | {"stream_name", "group_id", "item_id", "condition"}


class TimeTrigger(TriggerConfig):
    """Runs the step once, at a point in time."""

    __slots__ = ()
    type = "at"
    keys = _POLICY | {"at", "condition"}


def http(
    method: ApiRouteMethod | Sequence[ApiRouteMethod],
    path: str,
    *,
    body_schema: Any = None,
    query_schema: Any = None,
    params_schema: Any = None,
    response_schema: Any = None,
    schema: Any = None,
    query_params: Any = None,
    middleware: Sequence[ApiMiddleware] | ApiMiddleware | None = None,
    auth: Any = None,
    condition: TriggerCondition | None = None,
    timeout: Duration | None = None,
    max_body_bytes: int | None = None,
    idempotency: bool | str | Mapping[str, Any] | None = None,
) -> ApiTrigger:
    """Requests that match `method` and `path`; parameters as `:id` or `{id}`, a last `*rest` takes the rest.

    Schemas are Pydantic models, types, `{"name": str}` or JSON Schema; `schema` is that of the body, or all
    of them as `{"body", "query", "params", "response"}`.
    """
    _expect_text(path, "http", "a path", 'http("POST", "/orders")')
    return ApiTrigger(
        method=method,
        path=path,
        body_schema=body_schema,
        query_schema=query_schema,
        params_schema=params_schema,
        response_schema=response_schema,
        schema=schema,
        query_params=query_params,
        middleware=(middleware,) if callable(middleware) else middleware,
        auth=auth,
        condition=condition,
        timeout=timeout,
        max_body_bytes=max_body_bytes,
        idempotency=idempotency,
    )


def queue(
    topic: str,
    *,
    input: Any = None,
    schema: Any = None,
    config: Mapping[str, Any] | None = None,
    infrastructure: Mapping[str, Any] | None = None,
    condition: TriggerCondition | None = None,
    **policy: Unpack[Policy],
) -> QueueTrigger:
    """Each message of `topic`. `input` (or `schema`) is what its payload must fit."""
    _expect_text(topic, "queue", "a topic", 'queue("order.created")')
    config = {**(infrastructure or {}), **(config or {})} or None
    return QueueTrigger(
        topic=topic,
        input=schema if input is None else input,
        config=config,
        condition=condition,
        **policy,
    )


def cron_trigger(
    expression: str,
    *,
    timezone: str | None = None,
    missed: Literal["skip", "once", "all"] | None = None,
    overlap: Literal["skip", "queue", "allow"] | None = None,
    condition: TriggerCondition | None = None,
    **policy: Unpack[Policy],
) -> CronTrigger:
    """Each tick of a cron expression of 5, 6 (seconds first) or 7 fields, or `@daily` and the like.

    `missed`: ticks that passed while nothing ran. `overlap`: a tick whose predecessor has not ended.
    """
    _expect_text(expression, "cron", "an expression", 'cron("0 9 * * *")')
    return CronTrigger(
        expression=expression,
        timezone=timezone,
        missed=missed,
        overlap=overlap,
        condition=condition,
        **policy,
    )


def state(
    scope: str | TriggerCondition | None = None,
    key: str | None = None,
    *,
    condition: TriggerCondition | None = None,
    **policy: Unpack[Policy],
) -> StateTrigger:
    """Each change of state in `scope` (None = any) under `key` (None = any)."""
    if callable(scope):
        # Motia for JavaScript writes the condition first; people carry that over.
        scope, condition = None, scope
    return StateTrigger(scope=scope, key=key, condition=condition, **policy)


def stream(
    name: str,
    *,
    group_id: str | None = None,
    item_id: str | None = None,
    condition: TriggerCondition | None = None,
    **policy: Unpack[Policy],
) -> StreamTrigger:
    """Each change of the items of a stream, all or those of one group or id."""
    _expect_text(name, "stream", "the name of a stream", 'stream("orders")')
    return StreamTrigger(stream_name=name, group_id=group_id, item_id=item_id, condition=condition, **policy)


def at(
    when: datetime | str | float,
    *,
    condition: TriggerCondition | None = None,
    **policy: Unpack[Policy],
) -> TimeTrigger:
    """Once, at a point in time: a `datetime`, an ISO text (UTC where it names no zone) or an epoch number."""
    return TimeTrigger(at=when, condition=condition, **policy)


def trigger_config(trigger: Any) -> dict[str, Any]:
    """The config dict of a trigger given as a value of ours or as a dict already."""
    if isinstance(trigger, TriggerConfig):
        return trigger.to_config()
    if isinstance(trigger, Mapping):
        return dict(trigger)
    raise misuse(
        f"step: expected a trigger, got {trigger!r}",
        hint='write @step(http("POST", "/orders")) or @step(queue("order.created"))',
    )


def _snake(key: str) -> str:
    return _HUMP.sub("_", key).lower()


def _expect_text(value: object, name: str, expected: str, example: str) -> None:
    if not isinstance(value, str):
        raise misuse(f"{name}: expected {expected} as a text, got {value!r}", hint=f"write {example}")
