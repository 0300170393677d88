"""When to run a failed handler again, as the author's retry function in the other language says."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from motia.authoring.durations import seconds
from motia.core.invocation import Failed
from motia.errors import HandlerError, InputError, MotiaError


async def with_retry(failed: Failed, attempt: int, ask: Callable[[Sequence[Any]], Awaitable[Any]]) -> Failed:
    """The outcome, with the wait that the function gives for `(error, attempt)`.

    It gives seconds (or "5m"), false for no other attempt, null for what the policy says. If it fails itself,
    the policy holds and its failure is the one that is told.
    """
    error = failed.error
    type_name = getattr(error, "type_name", "") or type(error).__name__
    told = {"name": type_name, "type": type_name, "message": error.message, "code": error.code}
    try:
        answer = await ask([told, attempt])
        if answer is None or answer is True:
            return failed
        if answer is False:
            return Failed(error, retryable=False)
        return Failed(error, retryable=True, retry_in_s=seconds(answer, "retry function"))
    except (MotiaError, InputError) as broken:
        failure = HandlerError(
            f"the retry function failed with {broken.message}; it was asked about: {error.message}",
            code="handler.retry_function",
            type_name=getattr(broken, "type_name", "") or type(broken).__name__,
            stack="\n\nAsked about it, the retry function failed:\n".join(
                getattr(one, "stack", "") or one.message for one in (error, broken)
            ),
        )
        failure.__cause__ = broken
        return Failed(failure, retryable=failed.retryable)
