"""What becomes of a message when an execution ends. Pure: this is the only place that decides it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from motia import encoding
from motia.core import invocation
from motia.core.batch import Completed, Died, Rescheduled, Settlement, Suspended
from motia.core.invocation import (
    Cancelled,
    Crashed,
    Expired,
    Failed,
    Outcome,
    Released,
    RetryLater,
    Succeeded,
    TimedOut,
)
from motia.core.message import Claim
from motia.core.retry import RetryPolicy

Redact = Callable[[dict[str, object]], dict[str, object]]
"""Takes what is secret out of an error that is to be kept."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The settlement to commit, and its name in traces: completed, retried, snoozed, released, dead,
    cancelled, expired, suspended."""

    settlement: Settlement
    verdict: str
    retry_in_s: float | None = None


def decide(
    outcome: Outcome,
    claim: Claim,
    policy: RetryPolicy,
    *,
    now_ms: int,
    random_unit: float,
    redact: Redact,
    max_crashes: int = 3,
) -> Decision:
    """Complete, run again, or bury.

    A failure is charged to the failure budget and waits as the policy says; a snooze and a release are
    not charged. A crash of the worker that ran it is charged as one, and buries only what ran alone; those of
    nodes `RecoverNode` counts.
    """
    if isinstance(outcome, Succeeded):
        return Decision(Completed(), "completed")
    if isinstance(outcome, Cancelled):
        return Decision(Completed(), "cancelled")
    if isinstance(outcome, Expired):
        return Decision(Completed(), "expired")
    if isinstance(outcome, invocation.Suspended):
        due_at_ms = outcome.due_at_ms
        wait_s = None if due_at_ms is None else max(0.0, (due_at_ms - now_ms) / 1000)
        return Decision(Suspended(due_at_ms, outcome.waits), "suspended", wait_s)
    if isinstance(outcome, Released):
        return Decision(Rescheduled(None, claim.failures), "released", 0.0)
    if isinstance(outcome, RetryLater) and not outcome.counts:
        wait_s = outcome.delay_s if outcome.delay_s is not None else policy.delay_s
        return Decision(Rescheduled(now_ms + round(wait_s * 1000), claim.failures), "snoozed", wait_s)
    if isinstance(outcome, Crashed):
        code, error, _, _ = _failure(outcome, now_ms, claim.attempt, redact)
        alone = outcome.alone or claim.suspect
        if claim.crashes + 1 >= max_crashes and (alone or max_crashes == 1):
            return Decision(Died(code, error, claim.failures, now_ms, crashed=True), "dead")
        return Decision(Rescheduled(None, claim.failures, error, crashed=True), "crashed", 0.0)
    failures = claim.failures + 1
    code, error, retryable, asked_s = _failure(outcome, now_ms, claim.attempt, redact)
    if claim.bundle:
        # One of them may be at fault: each gets an attempt of its own before any dies.
        retryable = failures < 2 or retryable
        attempts = max(policy.attempts, 2)
    else:
        attempts = policy.attempts
    if not retryable or failures >= attempts:
        return Decision(Died(code, error, failures, now_ms), "dead")
    wait_s = asked_s if asked_s is not None else policy.wait_s(failures, random_unit)
    return Decision(Rescheduled(now_ms + round(wait_s * 1000), failures, error), "retried", wait_s)


def _failure(
    outcome: Outcome, now_ms: int, attempt: int, redact: Redact
) -> tuple[str, bytes, bool, float | None]:
    if isinstance(outcome, Failed):
        error = outcome.error
        record = {
            "code": error.code,
            "type": getattr(error, "type_name", "") or type(error).__name__,
            "message": error.message,
            "hint": error.hint,
            "stack": getattr(error, "stack", ""),
            "details": dict(error.details),
            "attempt": attempt,
            "at": now_ms,
        }
        return error.code, _safe(record, redact), outcome.retryable, outcome.retry_in_s
    if isinstance(outcome, TimedOut):
        record = {
            "code": "handler.timed_out",
            "type": "TimeoutError",
            "message": f"expected the handler to end within {outcome.timeout_s:g} s",
            "attempt": attempt,
            "at": now_ms,
        }
        return "handler.timed_out", _safe(record, redact), True, None
    assert isinstance(outcome, RetryLater)
    record = {
        "code": "handler.retry",
        "type": "Retry",
        "message": outcome.reason or "the handler asked for another attempt",
        "attempt": attempt,
        "at": now_ms,
    }
    return "handler.retry", _safe(record, redact), True, outcome.delay_s


def _safe(record: dict[str, object], redact: Redact) -> bytes:
    """Error details come from authors: what JSON cannot carry is shown as text and never lost."""
    try:
        return encoding.encode(redact(record))
    except encoding.EncodingError:
        details = repr(record.get("details"))
        texts = {key: _sendable(value) for key, value in {**record, "details": details}.items()}
        return encoding.encode(redact(texts))


def _sendable(value: object) -> object:
    """A text without lone surrogates; anything else as it is."""
    return value.encode(errors="backslashreplace").decode() if isinstance(value, str) else value
