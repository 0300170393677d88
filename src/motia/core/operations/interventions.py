"""What people and time do to messages from outside."""

from __future__ import annotations

from dataclasses import dataclass

from motia.core.message import MessageId, NodeId, QueueName, TraceContext
from motia.errors import ConflictError


@dataclass(frozen=True, slots=True)
class DeadLetterHeld:
    """Guard: the message is a dead letter of its queue, neither sent back nor purged."""

    id: MessageId
    queue: QueueName

    def gone(self) -> ConflictError:
        return ConflictError(
            f"dead letter of {self.queue.step}: expected it to be there, got none: it was redriven or purged",
            code="queue.letter_gone",
            guard="dead_letter_held",
        )


@dataclass(slots=True)
class Redrive:
    """Dead letters go back to their queues as new messages with fresh budgets, the oldest first.

    With `due_at_ms` the first becomes due then, and each further one `every_ms` after the one before it.
    Result: number.
    """

    queue: QueueName | None = None
    ids: frozenset[MessageId] | None = None
    limit: int = 1000
    due_at_ms: int | None = None
    every_ms: float = 0.0

    def due_of(self, index: int) -> int | None:
        """When letter `index` of those chosen becomes due; None = at once."""
        return None if self.due_at_ms is None else self.due_at_ms + round(index * self.every_ms)


@dataclass(slots=True)
class PurgeDead:
    """Delete dead letters. Result: number."""

    queue: QueueName | None = None
    ids: frozenset[MessageId] | None = None
    died_before_ms: int | None = None
    limit: int = 1000
    replaced: bool = False
    """Messages of the same batch take their place, in their bulk too."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A message that an operation ended before its time."""

    id: MessageId
    queue: QueueName
    trace: TraceContext
    ran_on: NodeId | None
    """The node that was running or holding it; it learns of it by `QueueStore.cancellations`."""
    undoes: bool = False
    """It is a workflow's: its end comes when what it did is undone."""


@dataclass(slots=True)
class CancelMessages:
    """End messages whatever they wait for. One that runs loses its claim: what it still writes is refused.

    One that has become a run of a workflow is made ready instead, its journal marked with `UNDO_MARKER`: it
    runs once more to undo what it did. What it has called and waits for is cancelled with it. One that is
    undone already is passed over. Who waits for the answer of a message is told that there will be none.

    All that is given must fit; at least one of `ids`, `queue` and `bulk` is. Result: list of `Ended`.
    """

    ids: frozenset[MessageId] | None = None
    queue: QueueName | None = None
    bulk: bytes | None = None
    limit: int = 1000
    now_ms: int = 0
    undo: bool = True
    """False = a run ends at once, also while it is undone; what it did stays."""


@dataclass(slots=True)
class ExpireMessages:
    """End messages whose expiry has passed and that no node holds, but for runs: they have begun.

    Result: list of `Ended`.
    """

    now_ms: int
    limit: int = 1000


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
