"""Names that Motia 1.x publishes and applications import: types, guards and small functions."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol

from motia.authoring.context import Context
from motia.authoring.payload import StateTriggerInput, StreamTriggerInput
from motia.authoring.request import Request
from motia.authoring.state import State
from motia.authoring.steps import StepDefinition
from motia.authoring.triggers import TriggerConfig, trigger_config

ApiRequest = Request
MotiaHttpRequest = Request
MotiaHttpArgs = Request
StateManager = State
Step = StepDefinition
Enqueuer = Callable[..., Awaitable[Any]]
"""`ctx.enqueue` and the `enqueue` of the package."""
TriggerInput = Request[Any] | StateTriggerInput | StreamTriggerInput | dict[str, Any] | None

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    E = TypeVar("E", default=Any)

    class FlowContext(Context, Generic[E]):
        """`FlowContext[...]`, as annotations of Motia 1.x have it; it is `Context`."""
else:
    FlowContext = Context

_STEP_NAMESPACE = uuid.UUID("7f1c3ff2-9b00-4d0a-bdd7-efb8bca49d4f")
_KIND_OF_TYPE = {"api": "http", "event": "queue"}


class MotiaHttpResponse(Protocol):
    """Writer of a streamed response."""

    stream: Any

    def status(self, status_code: int) -> Any: ...

    def headers(self, headers: Mapping[str, str]) -> Any: ...

    def close(self) -> Any: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryParam:
    """One documented query parameter."""

    name: str
    description: str = ""

    def to_config(self) -> dict[str, str]:
        """The parameter as a config dict."""
        return {"name": self.name, "description": self.description}


@dataclass(frozen=True, slots=True, kw_only=True)
class Enqueue:
    """A topic that a step says it enqueues to."""

    topic: str
    label: str | None = None
    conditional: bool = False


class _Config:
    __slots__ = ()

    def to_config(self) -> dict[str, Any]:
        """The config dict: every field that was given."""
        # Every class that has this method is a dataclass.
        values = {item.name: getattr(self, item.name) for item in fields(self)}  # type: ignore[arg-type]
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class StepConfig(_Config):
    """A step's config as a value; the same as a dict with these keys."""

    name: str
    triggers: Sequence[TriggerConfig | Mapping[str, Any]]
    description: str | None = None
    enqueues: Sequence[str | Enqueue | Mapping[str, Any]] = ()
    virtual_enqueues: Sequence[str | Enqueue | Mapping[str, Any]] | None = None
    virtual_subscribes: Sequence[str] | None = None
    flows: Sequence[str] | None = None
    include_files: Sequence[str] | None = None

    def to_config(self) -> dict[str, Any]:
        """The config dict, its triggers and topics as dicts too."""
        config = _Config.to_config(self)
        config["triggers"] = [trigger_config(trigger) for trigger in self.triggers]
        for key in ("enqueues", "virtual_enqueues"):
            config[key] = [_topic(topic) for topic in config.get(key, ())]
        return config


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamConfig(_Config):
    """A stream's config as a value."""

    name: str
    description: str | None = None
    schema: Any = None
    base_config: Mapping[str, Any] | None = None
    access: Mapping[str, Sequence[str]] | None = None
    can_access: Callable[..., Any] | None = None
    on_join: Callable[..., Any] | None = None
    on_leave: Callable[..., Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamEvent:
    """What happened to an item of a stream."""

    type: Literal["create", "update", "delete"]
    data: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSubscription:
    """What a client asks to follow."""

    group_id: str
    id: str | None = None
    stream_name: str = ""
    subscription_id: str = ""
    """As the client named it; empty in `canAccess`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamAuthInput:
    """The connection that asks to be let in."""

    headers: Mapping[str, str]
    path: str
    query_params: Mapping[str, Sequence[str]]
    addr: str
    url: str = ""
    token: str | None = None
    """Of `Authorization: Bearer …`, of the subprotocols `Authorization, …`, or of `?authToken=`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamAuthResult:
    """Whether a connection is let in, and what the join functions get to know about it."""

    authorized: bool
    context: Mapping[str, Any] = field(default_factory=dict)


def generate_step_id(path: str) -> str:
    """The stable id of a step file, the same in every language."""
    return str(uuid.uuid5(_STEP_NAMESPACE, path))


def schema_to_json_schema(schema: Any) -> dict[str, Any] | None:
    """The JSON Schema of anything that may be given as a schema; None for None."""
    from motia.schemas import schema_of

    found = schema_of(schema, "schema")
    return None if found is None else dict(found)


json_schema = schema_to_json_schema


def is_api_trigger(trigger: Any) -> bool:
    """Whether a trigger, in any spelling, is for HTTP."""
    return _kind(trigger) == "http"


def is_queue_trigger(trigger: Any) -> bool:
    """Whether a trigger, in any spelling, is for queue."""
    return _kind(trigger) == "queue"


def is_cron_trigger(trigger: Any) -> bool:
    """Whether a trigger, in any spelling, is for cron."""
    return _kind(trigger) == "cron"


def is_state_trigger(trigger: Any) -> bool:
    """Whether a trigger, in any spelling, is for state."""
    return _kind(trigger) == "state"


def is_stream_trigger(trigger: Any) -> bool:
    """Whether a trigger, in any spelling, is for stream."""
    return _kind(trigger) == "stream"


def get_api_triggers(step: Any) -> list[Any]:
    """The HTTP triggers of a step, in their order."""
    return _triggers(step, "http")


def get_queue_triggers(step: Any) -> list[Any]:
    """The queue triggers of a step, in their order."""
    return _triggers(step, "queue")


def get_cron_triggers(step: Any) -> list[Any]:
    """The cron triggers of a step, in their order."""
    return _triggers(step, "cron")


def get_state_triggers(step: Any) -> list[Any]:
    """The state triggers of a step, in their order."""
    return _triggers(step, "state")


def get_stream_triggers(step: Any) -> list[Any]:
    """The stream triggers of a step, in their order."""
    return _triggers(step, "stream")


def is_api_step(step: Any) -> bool:
    """Whether a step has a trigger for HTTP."""
    return bool(get_api_triggers(step))


def is_queue_step(step: Any) -> bool:
    """Whether a step has a trigger for queue."""
    return bool(get_queue_triggers(step))


def is_cron_step(step: Any) -> bool:
    """Whether a step has a trigger for cron."""
    return bool(get_cron_triggers(step))


def is_state_step(step: Any) -> bool:
    """Whether a step has a trigger for state."""
    return bool(get_state_triggers(step))


def is_stream_step(step: Any) -> bool:
    """Whether a step has a trigger for stream."""
    return bool(get_stream_triggers(step))


def _kind(trigger: Any) -> str | None:
    """The kind of a trigger given as one of ours, as a dict, or as one of the registry."""
    if isinstance(trigger, Mapping):
        kind = trigger.get("type")
    else:
        kind = getattr(trigger, "type", None) or getattr(trigger, "kind", None)
    return _KIND_OF_TYPE.get(kind, kind) if isinstance(kind, str) else None


def _triggers(step: Any, kind: str) -> list[Any]:
    config = step.config if isinstance(step, StepDefinition) else step
    found = config.get("triggers") if isinstance(config, Mapping) else getattr(config, "triggers", None)
    return [trigger for trigger in found or () if _kind(trigger) == kind]


def _topic(topic: Any) -> Any:
    if not isinstance(topic, Enqueue):
        return topic
    return {"topic": topic.topic, "label": topic.label, "conditional": topic.conditional}
