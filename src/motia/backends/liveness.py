"""Which nodes live: the seam, and the answer of a backend that has only one node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from motia.core.message import Claim, TraceContext


class Crashed(NamedTuple):
    """An execution that was under way when its process died."""

    seq: int
    message_id: bytes
    trace: TraceContext
    """Of the execution: its span is closed by whoever recovers the node (R13)."""
    parent_id: str
    started_ms: int
    step: str
    attempt: int = 1


class Running(NamedTuple):
    """An execution that is under way now."""

    step: str
    trace: TraceContext
    started_ms: int
    attempt: int
    of_message: bool


class Liveness(Protocol):
    """Tells which messages this node runs, and which nodes are dead."""

    def started(self, claim: Claim, trace: TraceContext, started_ms: int) -> None:
        """The message is being executed from now on, as the span that `trace` names."""
        ...

    def ended(self, claim: Claim) -> None:
        """It is not any more."""
        ...

    def other_work(self, running: Sequence[Running]) -> None:
        """What runs now beside messages, instead of what was told before: requests above all."""
        ...

    def elsewhere(self) -> Sequence[Running]:
        """What the other nodes run now, as each of them told last."""
        ...

    def find_dead(self, lock_path: str) -> tuple[bool, Sequence[Crashed] | None]:
        """Whether the node that holds the lock is dead, and what it was running (None = unknown)."""
        ...

    def forget(self, lock_path: str) -> None:
        """The dead node was recovered."""
        ...


class OneNode:
    """There is no other node, so none can be found dead."""

    def started(self, claim: Claim, trace: TraceContext, started_ms: int) -> None: ...

    def ended(self, claim: Claim) -> None: ...

    def other_work(self, running: Sequence[Running]) -> None: ...

    def elsewhere(self) -> Sequence[Running]:
        return ()

    def find_dead(self, lock_path: str) -> tuple[bool, Sequence[Crashed] | None]:
        return False, None

    def forget(self, lock_path: str) -> None: ...
