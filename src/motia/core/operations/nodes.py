"""Nodes: that one begins, and what is done for one that is over."""

from __future__ import annotations

from dataclasses import dataclass

from motia.core.message import MessageId, NodeId
from motia.core.workflow import most_crashes


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
    re-run one at a time, or die with `worker.crashed` where `buries` says so. A run that has done steps is
    marked as being undone then, and dies at twice as many. The others return uncharged.
    `running` None = unknown: every claim is treated as running. Result: number of claims returned.

    A message dies here only if the batch has not settled it. Who recovers settles those that die, by the
    same `buries`, before this operation: a store knows neither who hears of a death nor whom to answer, and
    both belong into the commit that records it. That it buries all the same keeps the promise that none runs
    more often than its budget, whoever sends this.
    """

    node: NodeId
    running: frozenset[tuple[int, MessageId]] | None
    max_crashes: int
    now_ms: int
    error: bytes
    """JSON object recorded as the error of those who die."""

    def buries(self, crashes: int, *, suspect: bool, undoing: bool = False) -> bool:
        """Whether a message that ran and had crashed so often before dies of this crash.

        Only one that ran alone does, for another may be at fault; with a budget of one all do.
        """
        alone = suspect if self.running is None else len(self.running) == 1
        most = most_crashes(self.max_crashes, undoing=undoing)
        return crashes + 1 >= most and (alone or self.max_crashes == 1)


@dataclass(slots=True)
class CancellationsSeen:
    """A node has stopped what these cancelled claims ran. Result: None."""

    node: NodeId
    claims: frozenset[tuple[int, int]]
    """Seq and token of each."""
