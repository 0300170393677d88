"""Errors as `application/problem+json` (RFC 9457). A caller learns what it can act on, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from motia.core.occurrence import Request
from motia.encoding import EncodingError, encode
from motia.errors import AccessError, HandlerError, InputError, MotiaError
from motia.http.headers import header_lines
from motia.http.response import HttpResponse
from motia.http.router import MethodNotAllowed

_CONTENT_TYPE = (b"content-type", b"application/problem+json")
_STATUS_OF_CODE = {"handler.timed_out": 504}
_RETRY_AFTER_S = b"1"
_MAX_PATH_TOLD = 200
_MAX_BROKEN_TOLD = 3


def problem(
    status: int,
    title: str | None = None,
    *,
    detail: str | None = None,
    code: str | None = None,
    errors: Iterable[Mapping[str, Any]] | None = None,
    trace_id: str | None = None,
    headers: Mapping[str, str] | None = None,
    hint: str | None = None,
    extra: Mapping[str, Any] | None = None,
) -> HttpResponse:
    """A problem response. `title` defaults to the phrase of the status, `type` is always `about:blank`.

    `errors` is a list of `{"path", "message"}`; members without a value are left out.
    """
    members: dict[str, Any] = {"type": "about:blank", "title": title or phrase(status), "status": status}
    optional = {"detail": detail, "hint": hint, "code": code, "trace_id": trace_id}
    members.update({name: _text(value) for name, value in optional.items() if value is not None})
    if errors is not None:
        members["errors"] = [
            {"path": _text(error.get("path", "")), "message": _text(error.get("message", ""))}
            for error in errors
        ]
    if extra:
        members.update(extra)
    body = encode(members)
    lines = [_CONTENT_TYPE, (b"content-length", b"%d" % len(body))]
    if status == 503 and "retry-after" not in (headers or {}):
        lines.append((b"retry-after", _RETRY_AFTER_S))
    return HttpResponse(status, lines + header_lines(headers), body)


def problem_of(error: BaseException, trace_id: str | None = None) -> HttpResponse:
    """The problem response for what went wrong while a request was served.

    `InputError` and `AccessError` are told in full; an author's HTTP error (integer `status` 400–599,
    `detail`, `headers`) as written, also as the cause of a `HandlerError`; of everything else only the
    status, the code and the trace id.
    """
    stated = error.__cause__ if isinstance(error, HandlerError) and is_http_error(error.__cause__) else error
    if is_http_error(stated):
        return _stated(stated, trace_id)
    if isinstance(error, InputError):
        found = error.details.get("errors")
        errors = [item for item in found if isinstance(item, Mapping)] if isinstance(found, list) else None
        return problem(
            error.http_status,
            detail=error.message,
            hint=error.hint or None,
            code=error.code,
            errors=errors,
            trace_id=trace_id,
        )
    if isinstance(error, AccessError):
        challenge = {"www-authenticate": str(error.details.get("challenge", "Bearer"))}
        return problem(
            error.http_status,
            detail=error.message,
            code=error.code,
            trace_id=trace_id,
            headers=challenge if error.http_status == 401 else None,
        )
    if isinstance(error, MotiaError):
        status = _STATUS_OF_CODE.get(error.code, error.http_status)
        # Codes of the backend and of ours are stable names, never text of the failure.
        return problem(status, code=error.code, trace_id=trace_id)
    return problem(500, code="internal", trace_id=trace_id)


def refusal(
    match: MethodNotAllowed | None,
    method: str,
    path: str,
    broken: Sequence[str] = (),
    *,
    hint: str | None = None,
) -> HttpResponse:
    """The answer where the router found nothing to run: 404, 405, or the list of methods for OPTIONS.

    `broken`: the files that may answer once they load, for callers who may know of them.
    """
    asked = path if len(path) <= _MAX_PATH_TOLD else f"{path[:_MAX_PATH_TOLD]}…"
    if match is None:
        more = f"; not loaded: {', '.join(broken[:_MAX_BROKEN_TOLD])}" if broken else ""
        return problem(
            404, code="route.not_found", detail=f"nothing answers {method} {asked}{more}", hint=hint
        )
    allow = ", ".join(match.allowed)
    if method == "OPTIONS":
        return HttpResponse(204, [(b"allow", allow.encode("ascii"))], b"")
    detail = f"{asked}: expected one of the methods {allow}, got {method}"
    return problem(405, code="route.method_not_allowed", detail=detail, headers={"allow": allow})


def hint_at_body(error: BaseException, request: Request) -> None:
    """Tell the sender of a refused body how it was read: JSON under a form's content type, as `curl -d`
    sends it, and what is compressed."""
    if not isinstance(error, InputError) or error.hint:
        return
    headers = dict(request.headers)
    form = "application/x-www-form-urlencoded"
    if b"content-encoding" in headers:
        error.hint = "bodies are taken as they are: send it without content-encoding"
    elif headers.get(b"content-type", b"").startswith(form.encode()) and _looks_like_json(request.body):
        error.hint = f"the body was read as {form}; to send JSON, add content-type: application/json"


def _looks_like_json(body: bytes) -> bool:
    return body.lstrip().startswith((b"{", b"["))


def is_http_error(error: BaseException | None) -> bool:
    """Whether an author raised it to answer with: an integer `status` 400–599, `detail` and `headers`."""
    status = getattr(error, "status", None)
    return (
        isinstance(status, int)
        and not isinstance(status, bool)
        and 400 <= status <= 599
        and hasattr(error, "detail")
        and hasattr(error, "headers")
    )


def phrase(status: int) -> str:
    """The name of a status, `Not Found`; `Error` or `Status 299` for one without a name."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error" if status >= 400 else f"Status {status}"


def _stated(error: Any, trace_id: str | None) -> HttpResponse:
    detail = error.detail
    headers = error.headers or None
    try:
        if detail is None or isinstance(detail, str):
            return problem(error.status, detail=detail, trace_id=trace_id, headers=headers)
        return problem(error.status, trace_id=trace_id, headers=headers, extra={"detail": detail})
    except (EncodingError, HandlerError):
        # What the author raised cannot be sent; the error itself is in the trace.
        return problem(500, code="handler.bad_result", trace_id=trace_id)


def _text(value: Any) -> str:
    # The text of a caller's input may hold what JSON cannot carry; a problem must never fail itself.
    return str(value).encode("utf-8", "replace").decode()
