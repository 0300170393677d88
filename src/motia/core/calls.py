"""What the engine does for a running handler. A `Context` of any language speaks to this."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

from motia.core.invocation import Invocation
from motia.core.message import BulkProgress, MessageId, StoredMessage
from motia.core.state import StateEntry
from motia.core.step import Step
from motia.core.stream import StreamItem
from motia.core.update import UpdateOperation
from motia.core.workflow import JournalEntry, RunId, RunSummary

T = TypeVar("T")


def overlooked(future: asyncio.Future[Any]) -> BaseException | None:
    """The failure of a future that has ended, if nobody has asked for it: a failure that nobody saw is the
    execution's, one that the handler dealt with is not. asyncio keeps that mark for its own warning, which
    this call takes the place of."""
    if future.cancelled() or not future._log_traceback:
        return None
    return future.exception()


def has_failed(future: asyncio.Future[Any]) -> bool:
    """Whether a future that has ended holds a failure; to ask is no look at it."""
    return future._exception is not None


@dataclass(slots=True)
class EnqueueRequest:
    """One message to put: to every queue of `topic`, or to the one step `step`."""

    data: Any
    topic: str | None = None
    step: str | None = None
    group: str | None = None
    delay_s: float | None = None
    at_ms: int | None = None
    priority: int | None = None
    """The higher, the sooner; None = as the trigger's policy says."""
    dedupe_key: str | None = None
    """In place of the policy's; without a policy it holds for a day."""
    ttl_s: float | None = None
    bulk: bytes | None = None
    """Id of the `enqueue_many` it belongs to."""


@dataclass(slots=True)
class StateWrite:
    """One change of one key. `kind` put · delete · update · clear."""

    kind: str
    scope: str
    key: str = ""
    value: Any = None
    operations: Sequence[UpdateOperation] = ()
    ttl_s: float | None = None
    if_version: int | None = None
    """Only if the key has this version; 0 = only if it does not exist."""


@dataclass(slots=True)
class StateWritten:
    """What a change found and left, decoded."""

    old: Any
    new: Any
    version: int


@dataclass(slots=True)
class StreamWrite:
    """One change of one item, or an event. `kind` put · delete · update · send."""

    kind: str
    stream: str
    group: str
    id: str | None
    data: Any = None
    """The item, or the event `{"type", "data"}`."""
    operations: Sequence[UpdateOperation] = ()


@dataclass(slots=True)
class StreamWritten:
    """What a change found and left, decoded; None = no such item."""

    old: Any
    new: Any
    version: int


@dataclass(slots=True, kw_only=True)
class Part:
    """Something that a handler did and that has ended: a call of a model, or of a tool."""

    kind: Literal["model", "tool"]
    name: str
    started_at_ms: int
    ended_at_ms: int
    attributes: dict[str, Any]
    """Names, numbers and ids alone: nothing is taken out of them."""
    error: BaseException | None = None


class StreamCalls(Protocol):
    """The streams of one execution; see `Calls` for order, concurrency and failure.

    *Failure*, of all: `HandlerError` `streams.unknown` for a stream that nobody declares.
    """

    def get(self, stream: str, group: str, id: str) -> asyncio.Future[StreamItem | None]: ...

    def group(self, stream: str, group: str) -> asyncio.Future[list[StreamItem]]:
        """The items of a group, in the order of their creation."""
        ...

    def groups(self, stream: str) -> asyncio.Future[list[str]]: ...

    def write(self, write: StreamWrite) -> asyncio.Future[StreamWritten | None]:
        """Change an item; resolves with None inside `atomic`, but for a put.

        *Failure*: `HandlerError` `streams.invalid_item` where the item does not fit the stream's schema.
        """
        ...

    def tell_delta(self, stream: str, group: str, id: str, path: str, offset: int, text: str) -> None:
        """Tell subscribers of a piece of text that is stored later. It may be lost on its way."""
        ...


class Calls(Protocol):
    """One execution's side of the engine.

    *Order*: writes are committed in the order of the calls. *Concurrency*: called on the engine's event
    loop only; a context in a thread crosses over. Every method that returns a future starts its work at
    once; a future nobody awaits is awaited by the engine before the execution ends, and its error fails
    the attempt. *Failure*: `ConflictError` `claim.superseded` once a newer attempt has begun.
    """

    invocation: Invocation
    loop: asyncio.AbstractEventLoop
    user: Any
    """What the trigger's `auth` returned."""
    pending: list[asyncio.Future[Any]]
    """What the handler began and may not have awaited."""
    stop_reason: str | None
    """Why the handler was asked to stop: `timed_out`, `cancelled`, `drained`, `not_started`; None = it was
    not."""
    timeout_s: float

    @property
    def cancelled(self) -> bool:
        """Whether the execution was asked to stop: it timed out, was cancelled, or the node drains."""
        ...

    async def finish_pending(self) -> None:
        """Wait for all that the handler began. Failure: the first error that nobody looked at."""
        ...

    def watch(self, future: asyncio.Future[Any]) -> None:
        """Take a future for something the handler began."""
        ...

    def begin(self, work: Coroutine[Any, Any, T]) -> asyncio.Future[T]:
        """Start `work` as something the handler began."""
        ...

    def enqueue(self, requests: Sequence[EnqueueRequest]) -> asyncio.Future[list[str]]:
        """Store messages in one commit; resolves with an id each when they are durable."""
        ...

    def enqueue_one(self, request: EnqueueRequest) -> asyncio.Future[str]:
        """As `enqueue`, for one message: nearly every call."""
        ...

    def enqueue_many(self, requests: Sequence[EnqueueRequest]) -> asyncio.Future[str]:
        """Store messages of one topic in one commit, as a bulk; resolves with the bulk's id.

        *Failure*: `InputError` `enqueue.too_many`.
        """
        ...

    def bulk(self, bulk: bytes) -> asyncio.Future[BulkProgress | None]:
        """Where a bulk stands; None for one that is not known."""
        ...

    def cancel_bulk(self, bulk: bytes) -> asyncio.Future[int]:
        """End what is left of a bulk; resolves with how many there were."""
        ...

    def messages(self, id_: MessageId) -> asyncio.Future[list[StoredMessage]]:
        """A message in each queue that still holds it."""
        ...

    def cancel_messages(self, id_: MessageId) -> asyncio.Future[int]:
        """End a message in all its queues; resolves with how many there were."""
        ...

    def cancel_trace(self, trace_id: str) -> asyncio.Future[int]:
        """End everything of a trace that has not ended."""
        ...

    def call(self, step: str, data: Any) -> asyncio.Future[Any]:
        """Run a step now, beside the queue, and wait for its result."""
        ...

    def state_get(self, scope: str, key: str) -> asyncio.Future[StateEntry | None]: ...

    def state_entries(self, scope: str) -> asyncio.Future[list[StateEntry]]: ...

    def state_scopes(self) -> asyncio.Future[list[str]]: ...

    def state_write(self, write: StateWrite) -> asyncio.Future[StateWritten | None]:
        """Change a key; resolves with None inside `atomic`, where what is left is known only at the end."""
        ...

    @property
    def streams(self) -> StreamCalls: ...

    async def sleep(self, delay_s: float) -> None:
        """Wait, by the engine's clock."""
        ...

    def signal(self, run_id: str, name: str, data: Any) -> asyncio.Future[None]:
        """Post a signal to a run. Failure: `InputError` `run.bad_id`."""
        ...

    def runs(self, id_: MessageId) -> asyncio.Future[list[RunSummary]]:
        """The runs that a message began, one a step."""
        ...

    def journal(self, run: RunId) -> asyncio.Future[list[JournalEntry]]:
        """What a run has done so far."""
        ...

    def durable(self) -> Any:
        """The durable calls of this execution. Failure: `WorkflowError` `workflow.not_durable`."""
        ...

    def now_ms(self) -> int:
        """UTC epoch milliseconds."""
        ...

    def step_named(self, name: str) -> Step | None:
        """A step of the project, as data."""
        ...

    def tell_part(self, part: Part) -> None:
        """Record a part of this execution as a span of its own. Never fails."""
        ...

    @property
    def logger(self) -> Any:
        """Records lines of this step: `debug info warning error critical (message, data)`. Never fails."""
        ...

    @property
    def in_atomic(self) -> bool:
        """Whether writes are being kept back."""
        ...

    def begin_atomic(self, *, settle: bool) -> None:
        """From now on writes are kept back and reads see them."""
        ...

    def commit_atomic(self) -> asyncio.Future[None]:
        """Commit what was kept back together, or raise and leave nothing of it."""
        ...

    def abandon_atomic(self) -> None:
        """Forget what was kept back."""
        ...
