"""What makes a step run: a tagged union of frozen values, all JSON-able."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from motia.core.flow import (
    Batching,
    Debounce,
    Dedupe,
    FieldPath,
    KeyedConcurrency,
    Limits,
    RateLimit,
    RateWindow,
)
from motia.core.retry import RetryPolicy

JsonSchema = Mapping[str, Any]

FunctionId = str
"""Handle of a function that lives in a runtime: handler, condition, middleware, auth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryParameter:
    """One documented query parameter of a route."""

    name: str
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Idempotency:
    """A request that is repeated with the same key gets the recorded response."""

    header: str = "idempotency-key"
    """Lower case."""
    window_s: float = 86_400.0
    """How long a response is kept."""
    required: bool = False
    """A request without the header is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpTrigger:
    """Runs the step for a request that matches `method` and `path`."""

    method: str
    """Upper case: GET POST PUT DELETE PATCH OPTIONS HEAD."""
    path: str
    """Starts with `/`; parameters as `:name`, a last `*name` takes the rest of the path."""
    body_schema: JsonSchema | None = None
    query_schema: JsonSchema | None = None
    params_schema: JsonSchema | None = None
    response_schemas: Mapping[int, JsonSchema] = field(default_factory=dict)
    query_parameters: tuple[QueryParameter, ...] = ()
    middleware: tuple[FunctionId, ...] = ()
    auth: FunctionId | None = None
    security: Mapping[str, Any] | None = None
    """OpenAPI security scheme of `auth`, as `{scheme_name: scheme}`."""
    condition: FunctionId | None = None
    timeout_s: float | None = None
    """Handler timeout; None = the settings' default."""
    max_body_bytes: int | None = None
    """None = the settings' default."""
    idempotency: Idempotency | None = None
    kind: Literal["http"] = "http"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnProcess:
    """The handler runs in a process of its own, one message at a time."""

    memory_bytes: int | None = None
    """The most it may allocate, on top of the loaded project; None = no limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePolicy:
    """How one queue (a topic and a step) hands out its messages."""

    concurrency: int | None = None
    """Most messages running at once over all nodes; None = no limit but the node's own."""
    retry: RetryPolicy = RetryPolicy()
    timeout_s: float | None = None
    """Handler timeout per attempt; None = the settings' default (900 s)."""
    delay_s: float = 0.0
    """Every message waits this long before its first attempt."""
    fifo: bool = False
    """Messages with the same group key run one after the other, in commit order."""
    group_by: str | None = None
    """Payload field that gives the group key where the sender names none."""
    concurrency_by_key: KeyedConcurrency | None = None
    rate_limit: RateLimit | None = None
    priority: int | FieldPath | None = None
    """Of every message, or the payload field that holds it; a sender may name another."""
    ttl_s: float | None = None
    """No attempt of a message begins later than this after it was stored."""
    dedupe: Dedupe | None = None
    debounce: Debounce | None = None
    batch: Batching | None = None
    on_failure: str | None = None
    """Step id or topic that is told when a message dies, in the commit that buries it."""
    process: OwnProcess | None = None
    """None = it runs inside the node."""
    retry_function: FunctionId | None = None
    """Called with the error and the attempt: seconds to wait, False = give up, None = as `retry` says."""

    controls_flow: bool = field(init=False, repr=False, compare=False, default=False)
    """Messages carry something of this policy with them."""
    limits: Limits | None = field(init=False, repr=False, compare=False, default=None)
    """What holds over all nodes; None = nothing does."""
    starts_when_claimed: bool = field(init=False, repr=False, compare=False, default=False)
    """A node takes a message only when it can start it: one that it held back could not be overtaken by a
    more urgent one, or would start later than its rate counts it."""

    def __post_init__(self) -> None:
        kept_with_messages = (
            self.concurrency_by_key,
            None if self.rate_limit is None else self.rate_limit.key,
            self.priority,
            self.ttl_s,
            self.dedupe,
            self.debounce,
        )
        object.__setattr__(self, "controls_flow", any(part is not None for part in kept_with_messages))
        object.__setattr__(self, "limits", self._limits())
        starts_when_claimed = self.priority is not None or self.rate_limit is not None
        object.__setattr__(self, "starts_when_claimed", starts_when_claimed)

    def _limits(self) -> Limits | None:
        most, by_key, rate = self.concurrency, self.concurrency_by_key, self.rate_limit
        if most is None and by_key is None and rate is None:
            return None
        return Limits(
            # A run of a bundle counts once, as the author sees it.
            concurrency=most if most is None or self.batch is None else most * self.batch.size,
            key_concurrency=None if by_key is None else by_key.limit,
            rate=None
            if rate is None
            else RateWindow(
                limit=rate.limit, period_ms=round(rate.period_s * 1000), keyed=rate.key is not None
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueTrigger:
    """Runs the step for each message of `topic`."""

    topic: str
    schema: JsonSchema | None = None
    policy: QueuePolicy = QueuePolicy()
    condition: FunctionId | None = None
    kind: Literal["queue"] = "queue"


MissedTicks = Literal["skip", "once", "all"]
Overlap = Literal["skip", "queue", "allow"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CronTrigger:
    """Runs the step at each tick of `expression`."""

    expression: str
    """As written: 5, 6 (seconds first) or 7 fields (year last), names, `@daily`."""
    timezone: str | None = None
    """IANA name; None = the settings' default (UTC)."""
    missed: MissedTicks = "skip"
    """Ticks that passed while no node ran: none, the last one, or all of them (at most 100)."""
    overlap: Overlap = "skip"
    """A tick whose predecessor has not ended: skipped, queued behind it, or run beside it."""
    policy: QueuePolicy = QueuePolicy()
    condition: FunctionId | None = None
    kind: Literal["cron"] = "cron"


@dataclass(frozen=True, slots=True, kw_only=True)
class StateTrigger:
    """Runs the step for each change of state in `scope` (None = any) under `key` (None = any)."""

    scope: str | None = None
    key: str | None = None
    policy: QueuePolicy = QueuePolicy()
    condition: FunctionId | None = None
    kind: Literal["state"] = "state"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamTrigger:
    """Runs the step for each change of a stream's items."""

    stream: str
    group_id: str | None = None
    item_id: str | None = None
    policy: QueuePolicy = QueuePolicy()
    condition: FunctionId | None = None
    kind: Literal["stream"] = "stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeTrigger:
    """Runs the step once, at a point in time."""

    at_ms: int
    """UTC epoch milliseconds."""
    policy: QueuePolicy = QueuePolicy()
    condition: FunctionId | None = None
    kind: Literal["at"] = "at"


Trigger = HttpTrigger | QueueTrigger | CronTrigger | StateTrigger | StreamTrigger | TimeTrigger


def process_of(triggers: Sequence[Trigger], index: int | None) -> OwnProcess | None:
    """Where a handler runs that trigger `index` started; by hand it runs as for its first other trigger."""
    chosen = triggers if index is None else (triggers[index],)
    return next((one.policy.process for one in chosen if not isinstance(one, HttpTrigger)), None)
