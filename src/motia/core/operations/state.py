"""State, and the triggers that a change of it runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from motia.core.message import MessageId, NewMessage, QueueName, TraceContext
from motia.core.update import UpdateOperation


@dataclass(frozen=True, slots=True)
class StateVersion:
    """Guard: the key has this version; 0 = it does not exist, or its expiry passed before `now_ms`."""

    scope: str
    key: str
    version: int
    now_ms: int | None = None


@dataclass(slots=True)
class ChangeDelivery:
    """A trigger to run if the operation changes the key or item: stored in the same commit (R9)."""

    queue: QueueName
    message_id: MessageId
    trace: TraceContext
    due_at_ms: int | None = None

    def message(self, payload: bytes, now_ms: int) -> NewMessage:
        """What is stored once the change has happened."""
        return NewMessage(
            id=self.message_id,
            queue=self.queue,
            payload=payload,
            trace=self.trace,
            enqueued_at_ms=now_ms,
            due_at_ms=self.due_at_ms,
        )


@dataclass(slots=True, kw_only=True)
class StatePut:
    """Set a key to `value` (JSON text). Result: `StateResult`."""

    scope: str
    key: str
    value: bytes
    now_ms: int
    expires_at_ms: int | None = None
    deliveries: Sequence[ChangeDelivery] = ()


@dataclass(slots=True, kw_only=True)
class StateDelete:
    """Remove a key. Result: `StateResult`; a missing key changes nothing and triggers nothing."""

    scope: str
    key: str
    now_ms: int
    deliveries: Sequence[ChangeDelivery] = ()


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
    deliveries: Sequence[ChangeDelivery] = ()


@dataclass(slots=True)
class StateClear:
    """Remove every key of a scope; triggers nothing. Result: number removed."""

    scope: str
    now_ms: int


@dataclass(slots=True)
class WatchState:
    """Have the changes of state noted until `until_ms`, by whichever node or command they are made.

    Result: number of the last change so far. Nothing is noted, and it costs nothing, while nobody watches.
    """

    until_ms: int
    now_ms: int


@dataclass(slots=True)
class StateResult:
    """What a state operation found and left; None = no such key. JSON texts."""

    old: bytes | None
    new: bytes | None
    version: int
    """Of the key after the operation; increases with every change of any key; 0 = does not exist."""


ChangeKind = Literal["created", "updated", "deleted"]
