"""What a handler raised, as the failure that is recorded, retried and shown to its author."""

from __future__ import annotations

from motia.authoring.futures import is_not_awaited
from motia.core.invocation import Failed
from motia.core.stack import own_stack
from motia.errors import AccessError, BackendError, HandlerError, InputError, MotiaError
from motia.runtimes.protocol import is_callers_business

_OF_ITS_INPUT = frozenset(
    {
        "input.invalid",
        "input.unsupported_media_type",
        "json.malformed",
        "json.too_deep",
        "json.integer_too_large",
        "form.malformed",
        "query.too_many_fields",
    }
)
"""Codes of what is wrong with what a handler got, wherever it is read."""


def failed_by(error: BaseException, project_dir: str) -> Failed:
    """The failure of an attempt that raised `error`, and whether another attempt may do better."""
    if isinstance(error, AccessError):
        return Failed(error, retryable=False)
    if isinstance(error, InputError):
        # Its own input cannot get better; an input error of something it called may.
        if error.code in _OF_ITS_INPUT:
            return Failed(error, retryable=False)
        return Failed(_misused(error, project_dir), retryable=True)
    retryable = not isinstance(error, MotiaError) or isinstance(error, BackendError) or error.retryable
    return Failed(handler_error(error, project_dir), retryable=retryable)


def handler_error(error: BaseException, project_dir: str) -> MotiaError:
    """The error with the author's own lines as its stack; one of ours stays what it is."""
    if is_not_awaited(error):
        error.add_note("hint: a call was taken for its value; write `await` before it")
    if isinstance(error, MotiaError):
        if not getattr(error, "stack", ""):
            error.stack = own_stack(error, project_dir)  # type: ignore[attr-defined]  # ours alone
        if isinstance(error, HandlerError) and not error.type_name:
            error.type_name = type(error).__name__
        return error
    failure = HandlerError(
        str(error) or type(error).__name__,
        type_name=type(error).__name__,
        stack=own_stack(error, project_dir),
    )
    failure.__cause__ = error
    return failure


def _misused(error: InputError, project_dir: str) -> MotiaError:
    """What the handler asked of the framework was refused: its author is told at which line."""
    if not is_callers_business(error):
        failure = HandlerError(error.message, code=error.code, details=error.details, hint=error.hint)
        failure.__cause__ = error
        failure.stack = own_stack(error, project_dir)
        return failure
    return handler_error(error, project_dir)
