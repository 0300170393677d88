"""Which nodes live: the seam, and the answer of a backend that has only one node."""

from __future__ import annotations

from typing import Protocol

from motia.core.message import Claim


class Liveness(Protocol):
    """Tells which messages this node runs, and which nodes are dead."""

    def started(self, claim: Claim) -> None:
        """The message is being executed from now on."""
        ...

    def ended(self, claim: Claim) -> None:
        """It is not any more."""
        ...

    def find_dead(self, lock_path: str) -> tuple[bool, frozenset[tuple[int, bytes]] | None]:
        """Whether the node that holds the lock is dead, and what it was running (None = unknown)."""
        ...

    def forget(self, lock_path: str) -> None:
        """The dead node was recovered."""
        ...


class OneNode:
    """There is no other node, so none can be found dead."""

    def started(self, claim: Claim) -> None: ...

    def ended(self, claim: Claim) -> None: ...

    def find_dead(self, lock_path: str) -> tuple[bool, frozenset[tuple[int, bytes]] | None]:
        return False, None

    def forget(self, lock_path: str) -> None: ...
