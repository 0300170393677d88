"""Every error the framework raises. The class says who must act, the code says what happened.

A message reads "where: expected X, got Y"; how to fix it stands in `hint`. Codes are stable and listed
in `docs/reference/errors.md`. Original exceptions are always the `__cause__`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class MotiaError(Exception):
    """Base of all errors. Catch a subclass where you can act on it."""

    http_status: ClassVar[int] = 500

    def __init__(
        self,
        message: str,
        *,
        code: str,
        details: Mapping[str, Any] | None = None,
        hint: str | None = None,
        retryable: bool = False,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.details: Mapping[str, Any] = details or {}
        self.hint = hint
        self.retryable = retryable

    def __str__(self) -> str:
        return f"{self.message}\n  hint: {self.hint}" if self.hint else self.message


class DefinitionError(MotiaError):
    """The author of a step must act, before it can run. `path` and `line` say where."""

    def __init__(
        self,
        message: str,
        *,
        code: str,
        path: str,
        line: int = 1,
        step: str | None = None,
        details: Mapping[str, Any] | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, code=code, details=details, hint=hint)
        self.path = path
        self.line = line
        self.step = step

    def __str__(self) -> str:
        text = f"{self.path}:{self.line}: {self.message}"
        return f"{text}\n  hint: {self.hint}" if self.hint else text


class SettingsError(MotiaError):
    """The operator must act: a setting, a port, a directory or a URL is wrong."""


class InputError(MotiaError):
    """The caller must act. `details["errors"]` is a list of `{"path", "message"}` where it applies."""

    http_status = 400

    def __init__(self, message: str, *, status: int | None = None, **keywords: Any) -> None:
        super().__init__(message, **keywords)
        if status is not None:
            self.http_status = status  # type: ignore[misc]  # one class, several statuses of the 4xx family


class AccessError(MotiaError):
    """The caller may not do this: `access.unauthenticated` (401) or `access.denied` (403)."""

    http_status = 403

    def __init__(self, message: str, *, code: str = "access.denied", **keywords: Any) -> None:
        super().__init__(message, code=code, **keywords)
        if code == "access.unauthenticated":
            self.http_status = 401  # type: ignore[misc]  # one class for both refusals


class HandlerError(MotiaError):
    """The author of a step must act: its handler raised, hung, or returned what it may not."""

    def __init__(
        self,
        message: str,
        *,
        code: str = "handler.raised",
        type_name: str = "",
        stack: str = "",
        details: Mapping[str, Any] | None = None,
        hint: str | None = None,
        retryable: bool = True,
    ) -> None:
        super().__init__(message, code=code, details=details, hint=hint, retryable=retryable)
        self.type_name = type_name
        self.stack = stack
        """The frames of the author's own code, innermost last; empty where there are none."""


class WorkflowError(MotiaError):
    """The author of a workflow must act."""


class ApprovalExpiredError(WorkflowError):
    """Nobody answered in time. The author decides what then: ask somebody else, refuse, go on."""


class AgentError(WorkflowError):
    """The author of an agent must act: its model, its tools or its answer cannot be used."""

    retry_after_s: float | None = None
    """A step of a workflow is not tried again before."""


class BudgetExceededError(AgentError):
    """An agent has spent what it may. What it did is kept; raise the limit, or end with what there is."""


class WorkerError(MotiaError):
    """A process that ran the step died or is missing. Nobody must act: it is restarted."""

    http_status = 503


class BackendError(MotiaError):
    """The operator must act: storage is unavailable, full, too new, or refused a write."""

    http_status = 503


class ConflictError(BackendError):
    """A guard of a batch did not hold: `guard` names it. Nothing of that batch was written."""

    http_status = 409

    def __init__(self, message: str, *, code: str, guard: str) -> None:
        super().__init__(message, code=code, details={"guard": guard})
        self.guard = guard


class InternalError(MotiaError):
    """A defect of the framework. Please report it with the trace id."""
