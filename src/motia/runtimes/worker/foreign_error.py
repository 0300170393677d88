"""An error of another language, as the exception it stands for here."""

from __future__ import annotations

from typing import Any

from motia.authoring.results import HTTPError
from motia.errors import AccessError, HandlerError, InputError, MotiaError


def error_of(error: dict[str, Any]) -> MotiaError:
    """The exception for a JSON-RPC error object of a worker."""
    data = error.get("data")
    data = data if type(data) is dict else {}
    message = _text(error.get("message")) or "the worker gave no reason"
    code = _text(data.get("code")) or "handler.raised"
    hint = _text(data.get("hint")) or None
    if code == "input.invalid":
        details = {"errors": _errors(data.get("errors"))}
        return InputError(message, code=code, status=422, details=details, hint=hint)
    if code in ("access.unauthenticated", "access.denied"):
        return AccessError(message, code=code, hint=hint)
    failure = HandlerError(
        message,
        code=code,
        type_name=_text(data.get("type")),
        stack=_text(data.get("stack")),
        hint=hint,
        retryable=data.get("retryable") is not False,
    )
    status = data.get("status")
    if type(status) is int and 400 <= status <= 599:
        headers = data.get("headers")
        failure.__cause__ = HTTPError(status, data.get("detail"), headers if type(headers) is dict else None)
    return failure


def _errors(value: Any) -> list[dict[str, str]]:
    items = value if type(value) is list else []
    return [
        {"path": _text(item.get("path")), "message": _text(item.get("message"))}
        for item in items
        if type(item) is dict
    ]


def _text(value: Any) -> str:
    return value if type(value) is str else ""
