"""The one error for a handler's return value that cannot become a response."""

from __future__ import annotations

from motia.errors import HandlerError


def bad_result(path: str, expected: str, got: str, *, hint: str | None = None) -> HandlerError:
    """`handler.bad_result`; `path` says which part of the returned value (`$.headers.x-id`)."""
    return HandlerError(
        f"{path}: expected {expected}, got {got}",
        code="handler.bad_result",
        details={"path": path},
        hint=hint,
        retryable=False,
    )
