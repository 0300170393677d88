"""Stops executions that outlive their timeout. One look over what runs, never a timer an execution."""

from __future__ import annotations

from collections.abc import Callable

from motia.core.clock import Clock, Timer
from motia.engine.execution import Execution

_LOOK_S = 0.1


class Deadlines:
    """A `Service`: every execution that runs is here, from `begin` to `end`."""

    def __init__(self, clock: Clock, grace_s: float, abandon: Callable[[Execution], None]) -> None:
        self._clock = clock
        self._grace_s = grace_s
        self._abandon = abandon
        self.running: dict[Execution, None] = {}
        self._timer: Timer | None = None

    async def start(self) -> None:
        if self._timer is None:
            self._timer = self._clock.call_later(_LOOK_S, self._look)

    async def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        now_s = self._clock.monotonic_s()
        for execution in list(self.running):
            late_s = now_s - execution.started_s - execution.timeout_s
            if late_s >= 0 and execution.stop_reason is None:
                stop(execution, "timed_out")
            elif late_s >= self._grace_s and execution.stop_reason == "timed_out" and not execution.ended:
                # It swallowed its cancellation. Its token is taken away; what it still writes is refused.
                execution.ended = True
                self._abandon(execution)
        self._timer = self._clock.call_later(_LOOK_S, self._look)


def stop(execution: Execution, reason: str) -> None:
    """Ask a handler to end: its task is cancelled, `ctx.cancelled` is true from now on."""
    execution.stop_reason = reason
    if execution.task is not None:
        execution.task.cancel()
