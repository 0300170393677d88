"""What a worker answered, as the outcome of an execution."""

from __future__ import annotations

from typing import Any

from motia.core.invocation import Cancelled, Failed, Invocation, Outcome, RetryLater, Succeeded
from motia.core.retry import LONGEST_WAIT_S
from motia.errors import AccessError, HandlerError, InputError
from motia.runtimes.worker.connection import close_streams
from motia.runtimes.worker.foreign_error import error_of
from motia.runtimes.worker.streams import IncomingStream


def outcome_of(result: Any, invocation: Invocation) -> Outcome:
    """The outcome that the result of `invoke` stands for."""
    if type(result) is not dict:
        return Failed(_bad(f"expected an object as result, got {type(result).__name__}"))
    kind = result.get("outcome", "succeeded")
    if kind == "succeeded":
        value = result.get("value")
        if invocation.occurrence.kind != "http" and stream_in(value) is not None:
            close_streams(value)
            return Failed(_bad("$: expected a value, got a stream; only answers to requests can stream"))
        return Succeeded(value)
    delay = result.get("delay_s")
    delay_s = min(float(delay), LONGEST_WAIT_S) if isinstance(delay, int | float) else None
    reason = str(result.get("reason", ""))
    if kind == "retry":
        return RetryLater(delay_s, reason)
    if kind == "snooze":
        return RetryLater(delay_s, reason, counts=False)
    if kind == "cancelled":
        return Cancelled(reason)
    return Failed(_bad(f"expected an outcome that the protocol knows, got {kind!r:.80}"))


def failure_of(error: dict[str, Any]) -> Failed:
    """The outcome that the error of `invoke` stands for."""
    found = error_of(error)
    if isinstance(found, InputError | AccessError):
        return Failed(found, retryable=False)
    return Failed(found, retryable=found.retryable)


def stream_in(value: Any) -> IncomingStream | None:
    """The stream that a value is, or has as its body."""
    body = value.get("body") if type(value) is dict else value
    return body if type(body) is IncomingStream else None


def _bad(message: str) -> HandlerError:
    return HandlerError(message, code="handler.bad_result")
