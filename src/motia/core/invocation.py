"""One execution of one step, and the only ways it can end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from motia.core.message import Claim, TraceContext
from motia.core.occurrence import Occurrence
from motia.core.step import Step
from motia.errors import MotiaError


@dataclass(slots=True)
class Invocation:
    """What a runtime needs to run a step once."""

    step: Step
    trigger_index: int | None
    """Index into `step.triggers`; None when run by hand."""
    occurrence: Occurrence
    trace: TraceContext
    attempt: int = 1
    deadline_s: float | None = None
    """On the monotonic clock; None = no deadline."""
    claim: Claim | None = None
    """Held message whose token guards every write of this execution; None for HTTP and calls."""


@dataclass(slots=True)
class Succeeded:
    """The handler returned `value`."""

    value: Any = None
    kind: Literal["succeeded"] = "succeeded"


@dataclass(slots=True)
class Failed:
    """The handler raised, returned junk, or its input was refused."""

    error: MotiaError
    retryable: bool = True
    retry_in_s: float | None = None
    """How long to wait before the next attempt; None = as the policy says."""
    kind: Literal["failed", "crashed"] = "failed"


@dataclass(slots=True)
class Crashed(Failed):
    """The process that ran the handler died. Charged to the budget of crashes, not to that of failures."""

    kind: Literal["failed", "crashed"] = "crashed"
    alone: bool = False
    """That process ran nothing else. A process that is shared runs nothing else while it runs a suspect."""


@dataclass(slots=True)
class RetryLater:
    """The handler asked to run again after `delay_s` (None = as the policy says).

    `counts` False is a snooze: it charges no failure.
    """

    delay_s: float | None = None
    reason: str = ""
    counts: bool = True
    kind: Literal["retry"] = "retry"


@dataclass(slots=True)
class Cancelled:
    """The execution was cancelled, or the handler returned `Cancel`."""

    reason: str = ""
    from_outside: bool = False
    """Somebody cancelled the message or the trace while it ran; the handler did not choose it."""
    kind: Literal["cancelled"] = "cancelled"


@dataclass(slots=True)
class TimedOut:
    """The handler did not end within its timeout."""

    timeout_s: float
    kind: Literal["timed_out"] = "timed_out"


@dataclass(slots=True)
class Released:
    """The node is draining: the message goes back uncharged."""

    kind: Literal["released"] = "released"


@dataclass(slots=True)
class Expired:
    """The message was not started in time and is worth nothing any more."""

    kind: Literal["expired"] = "expired"


@dataclass(slots=True)
class Suspended:
    """A workflow waits for a time, for mail, or for whichever comes first."""

    due_at_ms: int | None
    waits: tuple[str, ...] = ()
    kind: Literal["suspended"] = "suspended"


Outcome = Succeeded | Failed | RetryLater | Cancelled | TimedOut | Released | Expired | Suspended
