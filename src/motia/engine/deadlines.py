"""Stops executions that outlive their timeout. One look over what runs, never a timer an execution."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from motia.core.clock import Clock, Timer
from motia.engine.execution import Execution

_LOOK_S = 0.1
_ANSWER_S = 0.25
"""How long after the grace a runtime may tell by itself that a handler did not stop."""
_REASONS = frozenset({"timed_out", "cancelled"})
_REASONS_ALONE = _REASONS | {"drained"}
"""Of what no message drives: the consumer gives up messages in a drain by itself."""


class Deadlines:
    """A `Service`: every execution that runs is here, from `watch` until it ends."""

    def __init__(
        self,
        clock: Clock,
        grace_s: float,
        abandon: Callable[[Execution], None],
        looked: Callable[[Iterable[Execution]], None],
    ) -> None:
        """`looked` is called with what runs, ten times a second and once when nothing does any more."""
        self._looked = looked
        self._clock = clock
        self._grace_s = grace_s
        self._abandon = abandon
        self.running: dict[Execution, None] = {}
        self._timer: Timer | None = None
        self._stopped = True

    async def start(self) -> None:
        self._stopped = False

    def watch(self, execution: Execution) -> None:
        """It runs from now on; it ends by leaving `running`."""
        self.running[execution] = None
        if self._timer is None and not self._stopped:
            self._timer = self._clock.call_later(_LOOK_S, self._look)

    def cancel(self, execution: Execution) -> None:
        """End it as cancelled. One that swallows that is given up after the grace, as after a timeout."""
        execution.timeout_s = self._clock.monotonic_s() - execution.started_s
        stop(execution, "cancelled")

    def release(self, execution: Execution) -> None:
        """End what no message drives, for the node goes; given up after the grace in the same way."""
        execution.timeout_s = self._clock.monotonic_s() - execution.started_s
        stop(execution, "drained")

    async def stop(self) -> None:
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        now_s = self._clock.monotonic_s()
        for execution in list(self.running):
            late_s = now_s - execution.started_s - execution.timeout_s
            if late_s >= 0 and execution.stop_reason is None:
                stop(execution, "timed_out")
            elif (
                late_s >= self._grace_s + _ANSWER_S
                and execution.stop_reason in (_REASONS if execution.invocation.claim else _REASONS_ALONE)
                and not execution.ended
            ):
                self._abandon(execution)
        self._looked(self.running)
        # While nothing runs, nothing looks.
        self._timer = self._clock.call_later(_LOOK_S, self._look) if self.running else None


def stop(execution: Execution, reason: str) -> None:
    """Ask a handler to end: its task is cancelled, `ctx.cancelled` is true from now on."""
    execution.stop_reason = reason
    if execution.task is not None:
        execution.task.cancel()
