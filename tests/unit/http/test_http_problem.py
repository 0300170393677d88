from __future__ import annotations

import json
from typing import Any

import pytest

from motia.authoring import results
from motia.errors import (
    AccessError,
    BackendError,
    ConflictError,
    HandlerError,
    InputError,
    InternalError,
    SettingsError,
    WorkerError,
)
from motia.http.problem import problem, problem_of, refusal
from motia.http.response import HttpResponse
from motia.http.router import MethodNotAllowed
from motia.server.builtin import SWITCHED_OFF

SECRET = "postgres://user:hunter2@db"


def told(response: HttpResponse) -> dict[str, Any]:
    assert isinstance(response.body, bytes)
    headers = dict(response.headers)
    if response.body:
        assert headers[b"content-type"] == b"application/problem+json"
        assert headers[b"content-length"] == b"%d" % len(response.body)
    members: dict[str, Any] = json.loads(response.body)
    assert members["status"] == response.status
    return members


class HTTPError(Exception):
    def __init__(self, status: int, detail: Any = None, headers: Any = None) -> None:
        super().__init__(SECRET)
        self.status, self.detail, self.headers = status, detail, headers


def test_members() -> None:
    response = problem(
        409,
        "Busy",
        detail="d",
        code="c",
        errors=[{"path": "$.a", "message": "m", "more": 1}],
        trace_id="t",
        extra={"limit": 3},
    )
    assert told(response) == {
        "type": "about:blank",
        "title": "Busy",
        "status": 409,
        "detail": "d",
        "code": "c",
        "trace_id": "t",
        "errors": [{"path": "$.a", "message": "m"}],
        "limit": 3,
    }
    assert told(problem(404)) == {"type": "about:blank", "title": "Not Found", "status": 404}


def test_input_errors_are_told_in_full() -> None:
    error = InputError(
        "body: expected Order, got something else",
        status=422,
        code="input.invalid",
        details={"errors": [{"path": "$.n", "message": "not a number"}]},
    )
    members = told(problem_of(error, "abc"))
    assert members["status"] == 422
    assert members["errors"] == [{"path": "$.n", "message": "not a number"}]
    assert (members["code"], members["trace_id"], members["detail"]) == (
        "input.invalid",
        "abc",
        error.message,
    )


def test_access_errors() -> None:
    unknown = problem_of(AccessError("who?", code="access.unauthenticated", details={"challenge": "ApiKey"}))
    assert unknown.status == 401
    assert (b"www-authenticate", b"ApiKey") in unknown.headers
    denied = problem_of(AccessError("no"))
    assert denied.status == 403
    assert b"www-authenticate" not in dict(denied.headers)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (RuntimeError(SECRET), 500, "internal"),
        (KeyboardInterrupt(SECRET), 500, "internal"),
        (HandlerError(SECRET, stack=SECRET), 500, "handler.raised"),
        (HandlerError(SECRET, code="handler.timed_out"), 504, "handler.timed_out"),
        (HandlerError(SECRET, code="handler.bad_result"), 500, "handler.bad_result"),
        (BackendError(SECRET, code="backend.full"), 503, "backend.full"),
        (ConflictError(SECRET, code="conflict", guard=SECRET), 409, "conflict"),
        (WorkerError(SECRET, code="worker.crashed"), 503, "worker.crashed"),
        (SettingsError(SECRET, code="settings.x"), 500, "settings.x"),
        (InternalError(SECRET, code="internal.x"), 500, "internal.x"),
    ],
)
def test_nothing_of_any_other_error_gets_out(error: BaseException, status: int, code: str) -> None:
    response = problem_of(error, "trace")
    members = told(response)
    assert (members["status"], members["code"], members["trace_id"]) == (status, code, "trace")
    assert isinstance(response.body, bytes)
    assert b"hunter2" not in response.body
    assert (b"retry-after" in dict(response.headers)) == (status == 503)


def test_an_authors_http_error_is_told_as_written() -> None:
    stated = HTTPError(404, "no such order", {"x-a": "1"})
    wrapped = HandlerError("raised")
    wrapped.__cause__ = stated
    for error in (stated, wrapped):
        response = problem_of(error)
        assert told(response)["detail"] == "no such order"
        assert (b"x-a", b"1") in response.headers
    assert told(problem_of(results.HTTPError(410, "gone")))["detail"] == "gone"
    assert told(problem_of(HTTPError(422, [{"loc": 1}])))["detail"] == [{"loc": 1}]
    assert "detail" not in told(problem_of(HTTPError(403)))
    assert told(problem_of(HTTPError(200, "odd")))["status"] == 500


def test_a_problem_never_fails_itself() -> None:
    assert told(problem_of(HTTPError(400, object())))["code"] == "handler.bad_result"
    assert told(problem_of(HTTPError(400, "x", {"a": "b\r\n"})))["status"] == 500
    members = told(
        problem_of(InputError("\ud800", code="x", details={"errors": [{"path": "\udfff"}, "junk"]}))
    )
    assert members["errors"] == [{"path": "?", "message": ""}]


def test_refusals() -> None:
    missing = told(refusal(None, "GET", "/ordrs"))
    assert (missing["status"], missing["detail"]) == (404, "nothing answers GET /ordrs")
    off = told(refusal(None, "GET", "/metrics", hint=SWITCHED_OFF["/metrics"]))
    assert (off["status"], off["hint"]) == (404, "set tracing.prometheus = true to have it answered")
    broken = [f"steps/{number}_step.py:1" for number in range(9)]
    assert told(refusal(None, "GET", "/ordrs", broken))["detail"] == (
        f"nothing answers GET /ordrs; not loaded: {', '.join(broken[:3])}"
    )
    assert len(told(refusal(None, "GET", "/" * 60_000))["detail"]) < 250
    refused = refusal(MethodNotAllowed(("GET", "HEAD")), "PUT", "/orders")
    assert told(refused)["status"] == 405
    assert told(refused)["detail"] == "/orders: expected one of the methods GET, HEAD, got PUT"
    assert (b"allow", b"GET, HEAD") in refused.headers
    listed = refusal(MethodNotAllowed(("GET", "HEAD", "OPTIONS")), "OPTIONS", "/orders")
    assert (listed.status, listed.headers, listed.body) == (204, [(b"allow", b"GET, HEAD, OPTIONS")], b"")
