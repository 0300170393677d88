"""What happens to the node of one slot: a pure state machine, its effects live in `supervisor.py`.

    starting ── serving ──► serving ── died ──► backoff ── retry due ──► starting
                              │ load                ▲
                              ▼                     │ died, or failed to load (production)
                          replacing ── serving ──► serving (the old node drains)
                              └── failed or died ──► serving (the old node goes on)
    any ── stop ──► draining ── last node gone ──► stopped

In development a slot whose code does not load is `broken` and waits for the next change.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

FIRST_BACKOFF_S = 0.1
MAX_BACKOFF_S = 10.0
MAX_BACKOFF_ONCE_SERVED_S = 2.0
"""Clients wait for a slot that has served; code that never did need not be tried so often."""
HEALTHY_AFTER_S = 10.0

State = Literal["starting", "serving", "replacing", "backoff", "broken", "draining", "stopped"]


@dataclass(frozen=True, slots=True)
class Load:
    """Effect: have a node load the project for this slot; tell its pid with `loading`."""


@dataclass(frozen=True, slots=True)
class Take:
    """Effect: this loaded node takes the slot's sockets."""

    pid: int


@dataclass(frozen=True, slots=True)
class Drain:
    """Effect: this node finishes what it does and exits."""

    pid: int


@dataclass(frozen=True, slots=True)
class Retry:
    """Effect: call `retry` after `delay_s`."""

    delay_s: float


Effect = Load | Take | Drain | Retry


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """The nodes of one slot. Every method returns the next slot and what to do now."""

    number: int
    keep_retrying: bool = True
    """Try code again that fails to load (production), or wait for a change of it (development)."""
    serving: int | None = None
    loading: int | None = None
    leaving: frozenset[int] = frozenset()
    serving_since_s: float = 0.0
    has_served: bool = False
    failures: int = 0
    waiting: bool = False
    """A retry is due later."""
    stopping: bool = False

    @property
    def state(self) -> State:
        if self.stopping:
            return "draining" if self.pids else "stopped"
        if self.serving is not None:
            return "serving" if self.loading is None else "replacing"
        if self.loading is not None:
            return "starting"
        return "backoff" if self.waiting else "broken"

    @property
    def pids(self) -> frozenset[int]:
        """Every live process of this slot."""
        return self.leaving | {pid for pid in (self.serving, self.loading) if pid is not None}

    def load(self) -> tuple[Slot, list[Effect]]:
        """A node is wanted, first or anew. Nothing happens while one is loading already."""
        if self.stopping or self.loading is not None:
            return self, []
        return replace(self, waiting=False), [Load()]

    def loading_in(self, pid: int) -> Slot:
        """The effect `Load` has been given to process `pid`."""
        return replace(self, loading=pid)

    def retry(self) -> tuple[Slot, list[Effect]]:
        """The delay of a `Retry` is over."""
        if not self.waiting:
            return self, []
        slot = replace(self, waiting=False)
        return slot.load() if slot.serving is None else (slot, [])

    def ready(self, pid: int) -> tuple[Slot, list[Effect]]:
        """The node has loaded the project."""
        return self, [Take(pid)] if pid == self.loading and not self.stopping else []

    def served(self, pid: int, now_s: float) -> tuple[Slot, list[Effect]]:
        """The node accepts connections: its predecessor may go."""
        if pid != self.loading or self.stopping:
            return self, []
        old = self.serving
        slot = replace(self, loading=None, serving=pid, serving_since_s=now_s, has_served=True)
        if old is None:
            return slot, []
        return replace(slot, leaving=slot.leaving | {old}), [Drain(old)]

    def load_failed(self, pid: int) -> tuple[Slot, list[Effect]]:
        """The project could not be loaded at all; the process is about to exit."""
        if pid != self.loading:
            return self, []
        slot = replace(self, loading=None, leaving=self.leaving | {pid})
        if not self.keep_retrying:
            return slot, []
        return slot._failed()

    def died(self, pid: int, now_s: float) -> tuple[Slot, list[Effect]]:
        """The process is gone, for whatever reason."""
        if pid in self.leaving:
            return replace(self, leaving=self.leaving - {pid}), []
        if pid == self.loading:
            return replace(self, loading=None)._failed()
        if pid == self.serving:
            healthy = now_s - self.serving_since_s >= HEALTHY_AFTER_S
            return replace(self, serving=None, failures=0 if healthy else self.failures)._failed()
        return self, []

    def stop(self) -> tuple[Slot, list[Effect]]:
        """No more nodes: those there are drain."""
        if self.stopping:
            return self, []
        effects: list[Effect] = [Drain(pid) for pid in (self.serving, self.loading) if pid is not None]
        slot = replace(self, stopping=True, waiting=False, serving=None, loading=None, leaving=self.pids)
        return slot, effects

    def _failed(self) -> tuple[Slot, list[Effect]]:
        if self.serving is not None:
            return self, []  # newer code that failed says nothing of what goes on serving
        slot = replace(self, failures=self.failures + 1)
        if self.stopping or self.loading is not None:
            return slot, []
        return replace(slot, waiting=True), [Retry(self._backoff_s())]

    def _backoff_s(self) -> float:
        if not self.has_served:
            return min(MAX_BACKOFF_S, FIRST_BACKOFF_S * 2.0 ** min(self.failures, 20))
        if self.failures == 0:
            return 0.0
        return min(MAX_BACKOFF_ONCE_SERVED_S, FIRST_BACKOFF_S * 2.0 ** min(self.failures - 1, 20))
