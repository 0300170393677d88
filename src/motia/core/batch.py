"""The one way anything is written: a batch of guards and operations, applied together or not at all.

`docs/reference/backends.md` gives, per operation, the SQL and the Lua that a backend runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from motia.core.flow import RateWindow
from motia.core.message import Claim, MessageId, NewMessage, NodeId, QueueName, TraceContext
from motia.core.update import UpdateOperation
from motia.core.workflow import JournalEntry, Mail, RunId, RunStatus


@dataclass(frozen=True, slots=True)
class ClaimHeld:
    """Guard: this claim is still the newest of its delivery (R5)."""

    seq: int
    id: MessageId
    token: int


@dataclass(frozen=True, slots=True)
class StateVersion:
    """Guard: the key has this version; 0 = it does not exist, or its expiry passed before `now_ms`."""

    scope: str
    key: str
    version: int
    now_ms: int | None = None


@dataclass(frozen=True, slots=True)
class StreamVersion:
    """Guard: the item was last changed by this version of its group; 0 = it does not exist."""

    stream: str
    group: str
    id: str
    version: int


Guard = ClaimHeld | StateVersion | StreamVersion


@dataclass(slots=True)
class Enqueue:
    """Store a message in its queue. Repeating it with the same id and queue stores nothing new.

    Result: the `Claim`, where the message asked to be claimed and nothing older waits; `Duplicate` where it
    was not stored, `Replaced` where it took the place of another (see `Flow`); else None.
    """

    message: NewMessage


@dataclass(slots=True)
class Completed:
    """The message is done: its delivery goes, the next of its group becomes due."""


@dataclass(slots=True)
class Rescheduled:
    """The message runs again at `due_at_ms`; it keeps its place at the head of its group."""

    due_at_ms: int | None
    failures: int
    error: bytes = b""
    """JSON object appended to the delivery's errors; empty for a snooze or a release."""
    crashed: bool = False
    """The process that ran it died: it is charged with a crash, and runs again alone, before others."""


@dataclass(slots=True)
class Suspended:
    """A workflow waits: nothing is charged, and nothing of it is held in memory.

    It goes on at `due_at_ms`, or as soon as one of its `waits` has its mail, which may be now already.
    """

    due_at_ms: int | None
    waits: Sequence[str] = ()


@dataclass(slots=True)
class Died:
    """The message becomes a dead letter; the next of its group becomes due."""

    code: str
    error: bytes
    failures: int
    at_ms: int
    crashed: bool = False
    """Charged with one more crash."""


Settlement = Completed | Rescheduled | Died | Suspended


@dataclass(slots=True)
class Settle:
    """End a claim. Guarded by its token: a superseded claim fails the batch with `claim.superseded`."""

    claim: Claim
    settlement: Settlement


@dataclass(slots=True)
class StateDelivery:
    """A trigger to run if the operation changes the key or item: stored in the same commit (R9)."""

    queue: QueueName
    message_id: MessageId
    trace: TraceContext
    due_at_ms: int | None = None


@dataclass(slots=True, kw_only=True)
class StatePut:
    """Set a key to `value` (JSON text). Result: `StateResult`."""

    scope: str
    key: str
    value: bytes
    now_ms: int
    expires_at_ms: int | None = None
    deliveries: Sequence[StateDelivery] = ()


@dataclass(slots=True, kw_only=True)
class StateDelete:
    """Remove a key. Result: `StateResult`; a missing key changes nothing and triggers nothing."""

    scope: str
    key: str
    now_ms: int
    deliveries: Sequence[StateDelivery] = ()


@dataclass(slots=True, kw_only=True)
class StateUpdate:
    """Apply `operations` to a key atomically. Result: `StateResult`.

    An operation that does not fit the value (increment of a text) fails the batch with `state.bad_update`.
    The key keeps its expiry unless `expires_at_ms` is given.
    """

    scope: str
    key: str
    operations: Sequence[UpdateOperation]
    now_ms: int
    expires_at_ms: int | None = None
    deliveries: Sequence[StateDelivery] = ()


@dataclass(slots=True)
class StateResult:
    """What a state operation found and left; None = no such key. JSON texts."""

    old: bytes | None
    new: bytes | None
    version: int
    """Of the key after the operation; increases with every change of any key; 0 = does not exist."""


@dataclass(slots=True, kw_only=True)
class Fire:
    """Enqueue `message` once for `at_ms` of schedule `key`, over all nodes (R8).

    Result: True if it was enqueued. False, and nothing is written but the mark, when `only_if_idle` and
    the queue still holds a message; False and nothing at all when this or a later time was fired before.
    """

    key: str
    at_ms: int
    message: NewMessage
    only_if_idle: bool = False


@dataclass(slots=True, kw_only=True)
class ClaimReady:
    """Take due messages for `node`, oldest first within a queue, up to the limits.

    Result: list of `Claim`. A queue with `concurrency` never has more claimed messages than that over
    all nodes; one with `key_concurrency` never more of one key; one with a `rate` never more starts within
    any period up to `now_ms`. What these keep back waits apart and costs nothing until its turn. A paused
    queue gives nothing. Priority comes before age. While a wanted queue holds a suspect (see
    `RecoverNode`) the result is that one claim, marked `suspect`, and the node runs it with nothing new
    beside it.
    """

    node: NodeId
    wanted: Sequence[WantedQueue]
    max_bytes: int
    now_ms: int = 0


@dataclass(slots=True)
class WantedQueue:
    """How many messages a node can take from one queue now."""

    queue: QueueName
    limit: int
    concurrency: int | None = None
    key_concurrency: int | None = None
    rate: RateWindow | None = None


@dataclass(slots=True)
class Unclaim:
    """Give claims that never started back, uncharged and in their old place. Superseded ones are skipped.

    Result: number given back.
    """

    claims: Sequence[Claim]


@dataclass(slots=True)
class PromoteDue:
    """Make messages ready whose time has come: scheduled ones, and those whose rate limit has room again.

    Result: more than 0 if a claim may now find more.
    """

    now_ms: int
    limit: int = 1000


@dataclass(slots=True)
class RegisterNode:
    """A node incarnation begins. `lock_path` names the file it holds locked while it lives."""

    node: NodeId
    pid: int
    started_at_ms: int
    lock_path: str = ""


@dataclass(slots=True)
class RecoverNode:
    """A node incarnation is over: its claims go back to their queues.

    Those in `running` (seq and id) were being executed: they are charged a crash and become *suspects*,
    re-run one at a time, or die with `worker.crashed` at `max_crashes`. The others return uncharged.
    `running` None = unknown: every claim is treated as running. Result: number of claims returned.
    """

    node: NodeId
    running: frozenset[tuple[int, MessageId]] | None
    max_crashes: int
    now_ms: int
    error: bytes
    """JSON object recorded as the error of those who die."""


@dataclass(slots=True)
class Redrive:
    """Dead letters go back to their queues as new messages with fresh budgets. Result: number."""

    queue: QueueName | None = None
    ids: frozenset[MessageId] | None = None
    limit: int = 1000


@dataclass(slots=True)
class PurgeDead:
    """Delete dead letters. Result: number."""

    queue: QueueName | None = None
    ids: frozenset[MessageId] | None = None
    died_before_ms: int | None = None
    limit: int = 1000


@dataclass(frozen=True, slots=True)
class Ended:
    """A message that an operation ended before its time."""

    id: MessageId
    queue: QueueName
    trace: TraceContext
    ran_on: NodeId | None
    """The node that was running or holding it; it learns of it by `QueueStore.cancellations`."""


@dataclass(slots=True)
class CancelMessages:
    """End messages whatever they wait for. One that runs loses its claim: what it still writes is refused.

    All that is given must fit; at least one of `ids`, `queue` and `bulk` is. Result: list of `Ended`.
    """

    ids: frozenset[MessageId] | None = None
    queue: QueueName | None = None
    bulk: bytes | None = None
    limit: int = 1000


@dataclass(slots=True)
class ExpireMessages:
    """End messages whose expiry has passed and that no node holds. Result: list of `Ended`."""

    now_ms: int
    limit: int = 1000


@dataclass(slots=True)
class CancellationsSeen:
    """A node has stopped what these cancelled claims ran. Result: None."""

    node: NodeId
    seqs: frozenset[int]


@dataclass(slots=True)
class MoveMessages:
    """Let waiting messages become due at `due_at_ms`; None = now. One behind the head of its group still
    waits for it. Those that a node holds stay as they are. Result: number moved."""

    ids: frozenset[MessageId]
    due_at_ms: int | None
    queue: QueueName | None = None


@dataclass(slots=True)
class PauseQueues:
    """Nothing is taken from the queues of a topic and step any more; `*` = every one. Result: None."""

    now_ms: int
    topic: str = "*"
    step: str = "*"


@dataclass(slots=True)
class ResumeQueues:
    """Take back the pause of exactly this topic and step; `everything` takes back all. Result: number of
    pauses taken back."""

    topic: str = "*"
    step: str = "*"
    everything: bool = False


@dataclass(frozen=True, slots=True)
class RecordedResponse:
    """A response as it was sent."""

    status: int
    headers: bytes
    """JSON: list of [name, value]."""
    body: bytes


@dataclass(slots=True, kw_only=True)
class BeginRequest:
    """A request with an idempotency key begins. Result: None = run it, nobody has; `RecordedResponse` = the
    answer of the first; "in_flight" = it runs now, on a node that lives; "mismatch" = the key came with
    another request. What a dead node began counts as never begun."""

    scope: str
    key: str
    fingerprint: bytes
    node: NodeId
    now_ms: int
    expires_at_ms: int


@dataclass(slots=True, kw_only=True)
class EndRequest:
    """It ended with this response; None = forget it, so that a repeat runs. Only for the node that began it.
    Result: None."""

    scope: str
    key: str
    node: NodeId
    response: RecordedResponse | None


@dataclass(slots=True)
class Expire:
    """Delete what has expired: state, keys of duplicates, recorded responses. Result: number."""

    now_ms: int
    limit: int = 1000


@dataclass(slots=True)
class StateClear:
    """Remove every key of a scope; triggers nothing. Result: number removed."""

    scope: str
    now_ms: int


@dataclass(slots=True, kw_only=True)
class RunBegin:
    """A handler has turned out to be a workflow: its run is remembered. Repeating it changes nothing."""

    run: RunId
    topic: str
    started_at_ms: int
    trace: TraceContext
    input: bytes


@dataclass(slots=True)
class JournalPut:
    """Set an entry of a run's journal; a new one comes after all others."""

    run: RunId
    entry: JournalEntry


@dataclass(slots=True, kw_only=True)
class RunEnd:
    """A run is over: what it waited for is forgotten, its journal is kept until `PruneRuns`. A run that is
    not known changes nothing."""

    run: RunId
    status: RunStatus
    at_ms: int
    output: bytes | None = None
    error: bytes | None = None


@dataclass(slots=True, kw_only=True)
class WaitFor:
    """Wait for mail: the oldest one of `topic` and `key` since `since_ms` that the run has not taken ends
    entry `name` of its journal as `done`; else the first to come will, and wakes the run.

    From now on mail of the topic is kept with a key of these `fields`. Result: whether mail was there.
    """

    run: RunId
    queue: QueueName
    name: str
    topic: str
    fields: Sequence[str] | None
    """None = mail of this topic is posted under keys of its own."""
    key: str
    since_ms: int
    now_ms: int


@dataclass(slots=True)
class RegisterMail:
    """Keep events of `topic` for those that wait, by these fields."""

    topic: str
    fields: Sequence[str]


@dataclass(slots=True)
class Post:
    """Deliver mail: to the runs that wait for it, and to the mailbox for those that will.

    Nothing is kept of a topic that nobody has ever waited for, unless the mail has a key of its own.
    Result: number of runs it woke.
    """

    mail: Mail


@dataclass(slots=True)
class PruneRuns:
    """Delete runs that ended before a time, and mail past its keeping. Result: number."""

    ended_before_ms: int
    now_ms: int
    limit: int = 1000


@dataclass(slots=True, kw_only=True)
class StreamPut:
    """Set an item to `data` (JSON text, an object with its `id`). Result: `StreamResult`."""

    stream: str
    group: str
    id: str
    data: bytes
    now_ms: int
    deliveries: Sequence[StateDelivery] = ()


@dataclass(slots=True, kw_only=True)
class StreamDelete:
    """Remove an item. Result: `StreamResult`; a missing item changes nothing and tells nobody."""

    stream: str
    group: str
    id: str
    now_ms: int
    deliveries: Sequence[StateDelivery] = ()


@dataclass(slots=True, kw_only=True)
class StreamUpdate:
    """Apply `operations` to an item atomically. Result: `StreamResult`.

    An item that does not exist begins as an object with its id alone. `check` gives what is stored of what
    comes out, or raises what fails the batch. An operation that does not fit: `state.bad_update`.
    """

    stream: str
    group: str
    id: str
    operations: Sequence[UpdateOperation]
    now_ms: int
    check: Callable[[Any], Any] | None = None
    deliveries: Sequence[StateDelivery] = ()


@dataclass(slots=True, kw_only=True)
class StreamSend:
    """Tell the subscribers of a group, or of one item, of an event. Result: None.

    `event` is JSON text `{"type", "data"}`. It changes no item and no version; nobody gets it later.
    """

    stream: str
    group: str
    id: str | None
    event: bytes
    now_ms: int
    deliveries: Sequence[StateDelivery] = ()


@dataclass(slots=True)
class StreamResult:
    """What a stream operation found and left; None = no such item. JSON texts."""

    old: bytes | None
    new: bytes | None
    version: int
    """Of the group after the operation: one more, if it changed something."""


@dataclass(slots=True)
class TrimChanges:
    """Delete lines of the change log, the oldest first: those before `before_ms`, and all but the newest
    `keep`. A group that holds nothing is forgotten with its last line. Result: number of lines deleted."""

    before_ms: int
    keep: int
    limit: int = 1000


StreamWriteOperation = StreamPut | StreamDelete | StreamUpdate | StreamSend

Operation = (
    Enqueue
    | Settle
    | StatePut
    | StateDelete
    | StateUpdate
    | StateClear
    | StreamPut
    | StreamDelete
    | StreamUpdate
    | StreamSend
    | TrimChanges
    | Fire
    | ClaimReady
    | Unclaim
    | PromoteDue
    | RegisterNode
    | RecoverNode
    | Redrive
    | PurgeDead
    | CancelMessages
    | ExpireMessages
    | CancellationsSeen
    | MoveMessages
    | PauseQueues
    | ResumeQueues
    | BeginRequest
    | EndRequest
    | Expire
    | RunBegin
    | JournalPut
    | RunEnd
    | WaitFor
    | RegisterMail
    | Post
    | PruneRuns
)
ChangeKind = Literal["created", "updated", "deleted"]


@dataclass(slots=True)
class Batch:
    """Guards and operations that are applied together, in order, or not at all."""

    operations: Sequence[Operation]
    guards: Sequence[Guard] = field(default=())


def state_change_payload(scope: bytes, key: bytes, old: bytes | None, new: bytes | None) -> bytes:
    """The JSON that a state trigger receives. `scope` and `key` are JSON texts, as are the values.

    Made by joining texts, so that SQL and Lua can build the same bytes inside the commit.
    """
    kind = b"created" if old is None else b"deleted" if new is None else b"updated"
    return b"".join(
        (
            b'{"type":"state","event_type":"',
            kind,
            b'","group_id":',
            scope,
            b',"item_id":',
            key,
            b',"old_value":',
            b"null" if old is None else old,
            b',"new_value":',
            b"null" if new is None else new,
            b"}",
        )
    )
