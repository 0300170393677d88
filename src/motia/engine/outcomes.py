"""How an execution ended, as its span, its log line and its caller are told. Pure."""

from __future__ import annotations

from typing import Any

from motia import encoding
from motia.core.causes import headline
from motia.core.invocation import (
    Cancelled,
    Expired,
    Failed,
    Outcome,
    Released,
    RetryLater,
    Succeeded,
    TimedOut,
)
from motia.errors import HandlerError, MotiaError
from motia.tracing.record import SpanStatus

STATUS: dict[str, SpanStatus] = {
    "succeeded": "ok",
    "failed": "error",
    "crashed": "crashed",
    "retry": "error",
    "cancelled": "cancelled",
    "timed_out": "timeout",
    "released": "cancelled",
    "suspended": "ok",
    "expired": "cancelled",
}
"""Kind of an outcome → status of its span."""


def status_of(outcome: Outcome, http_status: int | None) -> SpanStatus:
    """Status of the span. A request is judged by what its caller was answered: 4xx is the caller's affair."""
    if http_status is None or (http_status < 400 and outcome.kind == "succeeded"):
        return STATUS[outcome.kind]
    if outcome.kind not in ("succeeded", "failed"):
        return STATUS[outcome.kind]
    return "refused" if http_status < 500 else "error"


def value_of(outcome: Outcome) -> Any:
    """What the handler returned. Failure: what it failed with."""
    if isinstance(outcome, Succeeded):
        return outcome.value
    if isinstance(outcome, Failed):
        raise outcome.error
    raise HandlerError(
        describe(outcome),
        code="handler.timed_out" if isinstance(outcome, TimedOut) else f"handler.{outcome.kind}",
    )


def describe(outcome: Outcome) -> str:
    """One line on how an execution ended."""
    if isinstance(outcome, Failed):
        name, message = getattr(outcome.error, "type_name", ""), outcome.error.message
        if message in stack_of(outcome):  # which is shown below it
            message = headline(message)
        return f"{name}: {message}" if name else message
    if isinstance(outcome, TimedOut):
        return f"the handler did not end within {outcome.timeout_s:g} s"
    if isinstance(outcome, RetryLater):
        return f"the handler asked for another attempt{': ' + outcome.reason if outcome.reason else ''}"
    if isinstance(outcome, Cancelled):
        return f"cancelled{': ' + outcome.reason if outcome.reason else ''}"
    if isinstance(outcome, Expired):
        return "the message had expired before the handler could start"
    if isinstance(outcome, Released):
        return "the node drained before the handler ended"
    return "succeeded"


def stack_of(outcome: Outcome) -> str:
    return getattr(outcome.error, "stack", "") if isinstance(outcome, Failed) else ""


def error_of(outcome: Outcome, http_status: int | None = None) -> dict[str, Any]:
    """The error of a span."""
    if outcome.kind == "succeeded":
        return {"code": "http.answered", "type": "", "message": f"answered with {http_status}", "stack": ""}
    if isinstance(outcome, Failed):
        error: MotiaError = outcome.error
        return {
            "code": error.code,
            "type": getattr(error, "type_name", "") or type(error).__name__,
            "message": error.message,
            "stack": stack_of(outcome),
        }
    code = {"timed_out": "handler.timed_out", "released": "node.drained", "expired": "message.expired"}.get(
        outcome.kind, f"handler.{outcome.kind}"
    )
    return {"code": code, "type": outcome.kind, "message": describe(outcome), "stack": ""}


def stack_data(outcome: Outcome) -> bytes | None:
    """A log line's data: the stack of the author's own lines. None without one."""
    stack = stack_of(outcome)
    return encoding.encode({"stack": stack.encode(errors="replace").decode()}) if stack else None
