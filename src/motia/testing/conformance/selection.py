"""Which checks a backend has to pass."""

from __future__ import annotations

import inspect

from motia.backends.protocol import Capabilities
from motia.testing.conformance import (
    cron,
    queue,
    queue_claims,
    queue_end,
    queue_flow,
    queue_limits,
    queue_recovery,
    requests,
    seam,
    state,
    state_log,
    stream_log,
    streams,
    workflow,
    workflow_end,
    workflow_mail,
)
from motia.testing.conformance.harness import Check

_MODULES = (
    seam,
    queue,
    queue_claims,
    queue_end,
    queue_flow,
    queue_limits,
    queue_recovery,
    requests,
    state,
    state_log,
    streams,
    stream_log,
    cron,
    workflow,
    workflow_end,
    workflow_mail,
)


def checks(capabilities: Capabilities) -> list[Check]:
    """All checks for a backend that declares `capabilities`: a public coroutine function is a check."""
    return [
        Check(f"{module.__name__.rpartition('.')[2]}.{name}", body)
        for module in _MODULES
        for name, body in vars(module).items()
        if inspect.iscoroutinefunction(body)
        and body.__module__ == module.__name__
        and not name.startswith("_")
        and all(getattr(capabilities, need) for need in getattr(body, "needs", ()))
    ]
