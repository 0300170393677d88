"""Work on its way to a step: messages, deliveries and what a claim says about them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from motia.core.flow import Flow, Limits

MessageId = bytes
"""UUIDv7, 16 bytes, made by the enqueuer so that an insert of unknown fate can be repeated safely."""

NodeId = bytes
"""Id of one node incarnation: a process life, 16 bytes."""


class QueueName(NamedTuple):
    """A topic and the step that serves it: the unit of policy, order and concurrency."""

    topic: str
    step: str


class TraceContext(NamedTuple):
    """Where an execution stands in its trace. Ids are lower-case hex, 32 and 16 digits."""

    trace_id: str
    span_id: str
    hops: int = 0
    """Enqueues since the entry of the trace; past 100 a message is dead-lettered `loop.detected`."""


@dataclass(slots=True, kw_only=True)
class NewMessage:
    """A message about to be stored in one queue. Fan-out makes one per queue, all with the same id."""

    id: MessageId
    queue: QueueName
    payload: bytes
    """JSON text."""
    trace: TraceContext
    enqueued_at_ms: int
    due_at_ms: int | None = None
    """None = due at once."""
    group: str | None = None
    """FIFO group key; only the oldest message of a group is ever due."""
    attributes: bytes = b""
    """JSON object beside the payload, or empty (for example `{"retry": 2}`)."""
    claim_for: NodeId | None = None
    """Claim it for this node in the same commit, if nothing older waits in the queue."""
    limits: Limits | None = None
    """Within which it may be claimed so; its start counts as one at `enqueued_at_ms`."""
    flow: Flow | None = None
    """What flow control says about it."""


@dataclass(slots=True, kw_only=True)
class Claim:
    """A message held by a node. Only the newest `token` of a delivery may settle it or write for it."""

    seq: int
    """Commit order in its backend; identifies the delivery together with `id`."""
    id: MessageId
    queue: QueueName
    token: int
    payload: bytes
    trace: TraceContext
    enqueued_at_ms: int
    failures: int = 0
    crashes: int = 0
    group: str | None = None
    attributes: bytes = b""
    errors: bytes = b""
    """JSON lines, one an earlier failed attempt, oldest first."""
    suspect: bool = False
    """It was running when a process died; it runs alone."""
    concurrency_key: str | None = None
    """Whose concurrency it counts for, where its queue limits that of each key."""
    expires_at_ms: int | None = None
    """No attempt begins after it."""
    due_at_ms: int | None = None
    """Until then it waited as it was meant to: for a delay, a retry, what woke its run. None = never."""
    bundle: tuple[Claim, ...] = ()
    """Those that run together with this one, in one call of the handler."""

    @property
    def attempt(self) -> int:
        """1 for the first execution."""
        return self.failures + self.crashes + 1

    @property
    def ready_at_ms(self) -> int:
        """Since when nothing but a free place keeps it waiting."""
        return max(self.enqueued_at_ms, self.due_at_ms or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message that will not be tried again, with what is needed to understand and redrive it."""

    seq: int
    id: MessageId
    queue: QueueName
    payload: bytes
    code: str
    """Why: `handler.raised`, `handler.timed_out`, `worker.crashed`, `input.invalid`, `loop.detected` …"""
    error: bytes
    """JSON object: code, type, message, stack."""
    errors: bytes
    """JSON lines of the earlier attempts."""
    failures: int
    crashes: int
    enqueued_at_ms: int
    died_at_ms: int
    trace: TraceContext
    group: str | None = None
    attributes: bytes = b""
    flow: Flow | None = None
    """Its flow control; of it `core.flow.kept` is what stays when it is sent back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueDepth:
    """Counts of one queue at one moment."""

    queue: QueueName
    ready: int = 0
    scheduled: int = 0
    blocked: int = 0
    """Behind the head of its group."""
    limited: int = 0
    """Waits for the concurrency or the rate of its key."""
    claimed: int = 0
    dead: int = 0
    oldest_ready_at_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledMessage:
    """A stored message that becomes due later: a delay, an `at`, or a retry."""

    id: MessageId
    queue: QueueName
    due_at_ms: int
    failures: int
    trace: TraceContext = field(default=TraceContext("", ""))


MessageStatus = Literal["ready", "scheduled", "blocked", "limited", "running", "dead"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMessage:
    """A message in one queue, as it stands."""

    seq: int
    id: MessageId
    queue: QueueName
    status: MessageStatus
    enqueued_at_ms: int
    trace: TraceContext
    due_at_ms: int | None = None
    failures: int = 0
    crashes: int = 0
    group: str | None = None
    priority: int = 0
    concurrency_key: str | None = None
    rate_key: str | None = None
    expires_at_ms: int | None = None
    node: NodeId | None = None
    """Which runs it."""
    awaits: Literal["key", "rate"] | None = None
    """Which limit keeps it back while it is `limited`."""
    code: str = ""
    """Why it is dead."""


@dataclass(frozen=True, slots=True)
class QueuedPayload:
    """A message in one queue, and what it carries."""

    seq: int
    id: MessageId
    queue: QueueName
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkProgress:
    """Where the messages of an `enqueue_many` stand, one a queue."""

    total: int
    """How many were stored."""
    waiting: int
    running: int
    dead: int
    cancelled: int
    """Cancelled, expired, purged, or replaced by a later one: they will not complete."""
    started_at_ms: int

    @property
    def completed(self) -> int:
        return self.total - self.waiting - self.running - self.dead - self.cancelled


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Nothing is taken from these queues; `*` stands for every topic or step."""

    topic: str
    step: str
    since_ms: int

    def holds(self, queue: QueueName) -> bool:
        return self.topic in ("*", queue.topic) and self.step in ("*", queue.step)
