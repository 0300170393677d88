"""What the nodes of one process share: the tables, and who is told of new work."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum

from motia.core.batch import RecordedResponse, RunBegin, RunEnd
from motia.core.flow import Flow, RateWindow
from motia.core.message import DeadLetter, MessageId, NodeId, QueueName, TraceContext
from motia.core.state import StateChange
from motia.core.stream import LoggedChange
from motia.core.workflow import JournalEntry, Mail, RunId
from motia.queue.rate import Starts

NO_FLOW = Flow()


class Standing(Enum):
    """Where a delivery stands."""

    READY = "ready"
    SCHEDULED = "scheduled"
    BLOCKED = "blocked"
    CLAIMED = "claimed"
    LIMITED = "limited"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A message in one queue."""

    seq: int
    id: MessageId
    queue: QueueName
    standing: Standing
    payload: bytes
    trace: TraceContext
    enqueued_at_ms: int
    due_at_ms: int | None
    group: str | None
    attributes: bytes
    holder: NodeId | None = None
    token: int = 0
    failures: int = 0
    crashes: int = 0
    suspect: bool = False
    errors: bytes = b""
    flow: Flow = field(default_factory=lambda: NO_FLOW)
    awaits_rate: bool = False
    """While it is limited: it is the rate of its key that is used up, and not its concurrency."""

    @property
    def place(self) -> tuple[int, int]:
        """Where it stands among the ready ones of its queue."""
        return -self.flow.priority, self.seq


@dataclass(frozen=True, slots=True)
class Rate:
    """What a rate limit remembers of one key."""

    window: RateWindow
    starts: Starts
    wake_at_ms: int | None


@dataclass(frozen=True, slots=True)
class BegunRequest:
    """A request with an idempotency key."""

    fingerprint: bytes
    node: NodeId
    expires_at_ms: int
    response: RecordedResponse | None = None


@dataclass(frozen=True, slots=True)
class Bulk:
    """What is remembered of an `enqueue_many`."""

    total: int
    started_at_ms: int
    expires_at_ms: int
    cancelled: int = 0


@dataclass(frozen=True, slots=True)
class StoredValue:
    """One key of a scope. `value` is JSON text."""

    value: bytes
    version: int
    expires_at_ms: int | None

    def lives_at(self, now_ms: int) -> bool:
        return self.expires_at_ms is None or self.expires_at_ms > now_ms


@dataclass(frozen=True, slots=True)
class StreamGroup:
    """A group of a stream, whether or not it holds anything."""

    version: int
    timestamp_ms: int


@dataclass(frozen=True, slots=True)
class StoredItem:
    """One item of a group; `seq` orders it among the others."""

    seq: int
    data: bytes
    version: int


@dataclass(frozen=True, slots=True)
class Run:
    """A workflow's run and its journal by name, in the order in which the names came to be."""

    begin: RunBegin
    entries: dict[str, JournalEntry]
    end: RunEnd | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """What a run waits for."""

    queue: QueueName
    topic: str
    key: str


class MemoryStore:
    """The tables. Give one store to several `MemoryBackend`s of one event loop and they are one system."""

    def __init__(self) -> None:
        self.counter = 0
        """Last of the numbers that order deliveries and version state. None is given twice."""
        self.deliveries: dict[QueueName, dict[int, Delivery]] = {}
        self.seq_of: dict[tuple[MessageId, QueueName], int] = {}
        self.dead: dict[int, DeadLetter] = {}
        self.state: dict[str, dict[str, StoredValue]] = {}
        self.state_watch = {"until_ms": 0, "since": 0, "last": 0}
        """Until when changes of state are noted, and the numbers between which none is missing."""
        self.state_changes: dict[int, StateChange] = {}
        self.schedules: dict[str, int] = {}
        self.rates: dict[tuple[QueueName, str], Rate] = {}
        self.dedupes: dict[tuple[QueueName, str], tuple[MessageId, int]] = {}
        """Key → the message that came first, and until when others of the key are not stored."""
        self.bulks: dict[bytes, Bulk] = {}
        self.requests: dict[tuple[str, str], BegunRequest] = {}
        """By scope and key."""
        self.pauses: dict[tuple[str, str], int] = {}
        """(topic, step), either of them `*`, since when."""
        self.cancellations: dict[tuple[NodeId, int, int], None] = {}
        """Claims that were cancelled while a node held them: seq and token."""
        self.nodes: dict[NodeId, tuple[int, str]] = {}
        self.stream_groups: dict[tuple[str, str], StreamGroup] = {}
        self.stream_items: dict[tuple[str, str], dict[str, StoredItem]] = {}
        self.changes: dict[int, LoggedChange] = {}
        self.trimmed_seq = 0
        """Of the newest line that was deleted."""
        self.forgotten = StreamGroup(0, 0)
        """The highest version and timestamp of a group that was forgotten."""
        self.runs: dict[RunId, Run] = {}
        self.waits: dict[tuple[RunId, str], Wait] = {}
        self.mail: dict[int, tuple[Mail, str]] = {}
        self.mail_fields: dict[tuple[str, tuple[str, ...]], None] = {}
        self.wakers: list[Callable[[], None]] = []
        """One a node that is open."""
        self.change_wakers: list[Callable[[], None]] = []
        self.news_wakers: list[Callable[[bytes], None]] = []

    def next_number(self) -> int:
        self.counter += 1
        return self.counter

    def in_order(self, queues: Iterable[QueueName]) -> Iterator[Delivery]:
        """The deliveries of some queues, queue by queue, the oldest first."""
        for queue in queues:
            table = self.deliveries.get(queue, {})
            for seq in sorted(table):
                yield table[seq]
