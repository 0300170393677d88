"""Messages: accepted, handed to nodes, and ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from motia.core.flow import NO_LIMITS, Limits
from motia.core.message import Claim, MessageId, NewMessage, NodeId, QueueName


@dataclass(frozen=True, slots=True)
class ClaimHeld:
    """Guard: this claim is still the newest of its delivery (R5)."""

    seq: int
    id: MessageId
    token: int


@dataclass(slots=True)
class Enqueue:
    """Store a message in its queue. Repeating it with the same id and queue stores nothing new.

    Result: the `Claim`, where the message asked to be claimed, nothing older waits and its `limits` have
    room; `Duplicate` where it
    was not stored, `Replaced` where it took the place of another (see `Flow`); else None.
    """

    message: NewMessage


@dataclass(frozen=True, slots=True)
class Duplicate:
    """An `Enqueue` stored nothing: message `id` came before it, within the window."""

    id: MessageId


@dataclass(frozen=True, slots=True)
class Replaced:
    """An `Enqueue` took the place of message `id`, which had not started."""

    id: MessageId


@dataclass(slots=True)
class WantedQueue:
    """How many messages a node can take from one queue now."""

    queue: QueueName
    limit: int
    limits: Limits = NO_LIMITS


@dataclass(slots=True, kw_only=True)
class ClaimReady:
    """Take due messages for `node`, oldest first within a queue, up to the limits.

    Result: list of `Claim`. A queue with a `concurrency` never has more claimed messages than that over
    all nodes; one with a `key_concurrency` never more of one key; one with a `rate` never more starts within
    any period up to `now_ms`. What these keep back waits apart and costs nothing until its turn. A paused
    queue gives nothing. Priority comes before age. While a wanted queue holds a suspect (see
    `RecoverNode`) the result is that one claim, marked `suspect`, and the node runs it alone.
    """

    node: NodeId
    wanted: Sequence[WantedQueue]
    max_bytes: int
    now_ms: int = 0


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
class CountBulk:
    """Remember how many messages of a bulk are stored; it comes after their `Enqueue`s, in the same batch.

    Result: that number. What is remembered goes after `expires_at_ms`, once none of them is left.
    """

    bulk: bytes
    now_ms: int
    expires_at_ms: int


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
