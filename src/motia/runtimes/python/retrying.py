"""When to run a failed handler again: what its error says, and what the author's retry function says."""

from __future__ import annotations

import math
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any

from motia.authoring.durations import seconds
from motia.core.invocation import Failed
from motia.errors import HandlerError, InputError

_LONGEST_S = 86_400.0
"""Of what a server asked for: a wrong header must not put work off for ever."""


async def with_retry(
    failed: Failed,
    error: BaseException,
    *,
    decide: Callable[..., Any] | None,
    attempt: int,
    stack_of: Callable[[BaseException], str],
) -> Failed:
    """The outcome, with the wait that `decide(error, attempt)` or the error itself asks for.

    `decide` is called on the loop and gives seconds (or "5m"), False for no other attempt, None for what the
    policy says. If it fails itself, the policy holds and its failure is the one that is told.
    """
    if decide is not None:
        try:
            return await _decided(failed, error, decide, attempt)
        except Exception as broken:
            return _broken(failed, broken, stack_of(broken))
    if failed.retryable and failed.retry_in_s is None:
        failed.retry_in_s = asked_wait_s(error)
    return failed


async def _decided(failed: Failed, error: BaseException, decide: Callable[..., Any], attempt: int) -> Failed:
    takes_attempt = getattr(getattr(decide, "__code__", None), "co_argcount", 2) > 1
    answer = decide(error, attempt) if takes_attempt else decide(error)
    if hasattr(answer, "__await__"):
        answer = await answer
    if answer is None or answer is True:
        return failed
    if answer is False:
        return Failed(failed.error, retryable=False)
    return Failed(failed.error, retryable=True, retry_in_s=seconds(answer, "retry function"))


def _broken(failed: Failed, broken: Exception, stack: str) -> Failed:
    failure = HandlerError(
        f"the retry function failed with {type(broken).__name__}: {broken}; it was asked about:"
        f" {failed.error.message}",
        code="handler.retry_function",
        type_name=type(broken).__name__,
        stack=f"{getattr(failed.error, 'stack', '')}\n\nAsked about it, the retry function failed:\n{stack}",
    )
    failure.__cause__ = broken
    return Failed(failure, retryable=failed.retryable)


def asked_wait_s(error: BaseException) -> float | None:
    """What the error asks for: its `retry_after`, or `Retry-After` of the response it carries, as the
    errors of httpx, requests and aiohttp do. None where it says nothing that can be read."""
    wait_s = _seconds(getattr(error, "retry_after", None))
    if wait_s is None:
        response = getattr(error, "response", None)
        headers: Any = getattr(error if response is None else response, "headers", None)
        if hasattr(headers, "get"):
            asked = headers.get("Retry-After") or headers.get("retry-after")
            wait_s = _seconds(asked)
            if wait_s is None:
                wait_s = _until(asked, headers.get("Date") or headers.get("date"))
    return None if wait_s is None or not math.isfinite(wait_s) else min(max(wait_s, 0.0), _LONGEST_S)


def _seconds(asked: Any) -> float | None:
    try:
        return seconds(asked)
    except InputError:
        return None


def _until(asked: Any, date: Any) -> float | None:
    """A point in time, by the clock of the server that named it."""
    try:
        return (parsedate_to_datetime(str(asked)) - parsedate_to_datetime(str(date))).total_seconds()
    except (ValueError, TypeError):
        return None
