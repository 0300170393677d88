"""What runs now, told to the other nodes: of messages they know anyway, requests and calls come from here."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from motia.backends.liveness import Liveness, Running
from motia.core.clock import Clock
from motia.engine.execution import Execution


def tell_other_nodes(liveness: Liveness, clock: Clock) -> Callable[[Iterable[Execution]], None]:
    """A function that is given all executions of this node now and then."""

    def tell(executions: Iterable[Execution]) -> None:
        others = [execution for execution in executions if execution.invocation.claim is None]
        now_ms, now_s = clock.now_ms(), clock.monotonic_s()
        liveness.other_work(
            [
                Running(
                    execution.invocation.step.name,
                    execution.invocation.trace,
                    now_ms - round((now_s - execution.started_s) * 1000),
                    execution.invocation.attempt,
                    of_message=False,
                )
                for execution in others
            ]
        )

    return tell
