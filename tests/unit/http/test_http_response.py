from __future__ import annotations

import dataclasses
import enum
import json
import math
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from types import MappingProxyType
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel, Field, computed_field

from motia.authoring import results as authoring
from motia.authoring.results import Response
from motia.errors import HandlerError
from motia.http.response import HttpResponse, to_response


def header(response: HttpResponse, name: bytes) -> bytes | None:
    values = [value for key, value in response.headers if key == name]
    assert len(values) <= 1
    return values[0] if values else None


def told(value: Any) -> tuple[int, bytes | None, Any]:
    response = to_response(value)
    assert isinstance(response.body, bytes)
    if response.status not in (204, 304):
        assert header(response, b"content-length") == str(len(response.body)).encode()
    return response.status, header(response, b"content-type"), response.body


JSON = b"application/json"
HAL = "application/hal+json"
NEW_YEAR = datetime(2030, 1, 1, tzinfo=UTC)


class User(BaseModel):
    user_id: int = Field(alias="userId")
    joined: datetime | None = None


class Flat(BaseModel):
    a: str | None = None
    b: float = 1.5


class Computed(BaseModel):
    a: str | None = None

    @computed_field
    def b(self) -> float | None:
        return None


class ComputedNaN(BaseModel):
    @computed_field
    def b(self) -> float:
        return math.nan


class Measured(BaseModel):
    value: float | None
    nested: dict[str, list[float]] = {}


class ApiResponse(BaseModel):
    status: int
    body: Any = None
    headers: dict[str, str] = {}


class Ticket(BaseModel):
    status: int
    body: str
    assignee: str


@dataclasses.dataclass
class Point:
    x: int
    status: int = 404


@dataclasses.dataclass
class Reply:
    status: int
    body: Any


class Plain:
    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)


class Color(enum.Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("value", "status", "body"),
    [
        ({"status": 201, "body": {"a": 1}}, 201, b'{"a":1}'),
        ({"status": HTTPStatus.CREATED, "body": [1]}, 201, b"[1]"),
        ({"status": 200, "body": {}, "headers": {}, "cookies": {}}, 200, b"{}"),
        (MappingProxyType({"status": 202, "body": {"a": 1}}), 202, b'{"a":1}'),
        ({"status": "processing", "body": 1}, 200, b'{"status":"processing","body":1}'),
        ({"status": True, "body": 1}, 200, b'{"status":true,"body":1}'),
        ({"status": 200, "body": 1, "more": 2}, 200, b'{"status":200,"body":1,"more":2}'),
        ({"status": 99}, 200, b'{"status":99}'),
        ({"status": 600}, 200, b'{"status":600}'),
        ({"status": 200.0}, 200, b'{"status":200.0}'),
        ({"a": 1}, 200, b'{"a":1}'),
        ({}, 200, b"{}"),
        ([], 200, b"[]"),
        ([{"a": None}], 200, b'[{"a":null}]'),
        (0, 200, b"0"),
        (False, 200, b"false"),
        (1.5, 200, b"1.5"),
        (Color.RED, 200, b'"red"'),
        (UUID(int=0), 200, b'"00000000-0000-0000-0000-000000000000"'),
        ({"status": 200, "body": None}, 200, b"null"),
        (Point(1), 200, b'{"x":1,"status":404}'),
        (Reply(404, {"e": 1}), 404, b'{"e":1}'),
        (User(userId=1, joined=NEW_YEAR), 200, b'{"userId":1,"joined":"2030-01-01T00:00:00Z"}'),
        (User(userId=1), 200, b'{"userId":1,"joined":null}'),
        ({"status": 201, "body": User(userId=1)}, 201, b'{"userId":1,"joined":null}'),
        (ApiResponse(status=400, body={"e": 1}), 400, b'{"e":1}'),
        (Ticket(status=200, body="b", assignee="c"), 200, b'{"status":200,"body":"b","assignee":"c"}'),
        (Plain(status=202, body={"a": 1}), 202, b'{"a":1}'),
        (Response({"a": 1}, 418), 418, b'{"a":1}'),
        (authoring.ApiResponse(status=409, body=[1]), 409, b"[1]"),
        (Flat(), 200, b'{"a":null,"b":1.5}'),
        (Computed(), 200, b'{"a":null,"b":null}'),
    ],
)
def test_json_answers(value: Any, status: int, body: bytes) -> None:
    assert told(value) == (status, JSON, body)


def test_parts_of_the_frameworks_response() -> None:
    response = to_response(Response("a", 201, {"x-a": ["1", "2"]}, {"sid": "x"}, "text/css"))
    assert (response.status, response.body) == (201, b"a")
    assert response.headers == [
        (b"x-a", b"1"),
        (b"x-a", b"2"),
        (b"set-cookie", b"sid=x; Path=/; SameSite=Lax"),
        (b"content-type", b"text/css; charset=utf-8"),
        (b"content-length", b"1"),
    ]
    assert to_response(Response()).body == b""


def test_a_list_of_models_is_json_by_alias() -> None:
    status, kind, body = told([User(userId=1)])
    assert (status, kind, json.loads(body)) == (200, JSON, [{"userId": 1, "joined": None}])


@pytest.mark.parametrize(
    ("value", "status", "content_type", "body"),
    [
        (None, 200, None, b""),
        ({"status": 202}, 202, None, b""),
        ("hello", 200, b"text/plain; charset=utf-8", b"hello"),
        ("ä", 200, b"text/plain; charset=utf-8", "ä".encode()),
        ("  <h1>x</h1>", 200, b"text/html; charset=utf-8", b"  <h1>x</h1>"),
        ("<?xml version='1.0'?><R/>", 200, b"application/xml; charset=utf-8", b"<?xml version='1.0'?><R/>"),
        (b"\x00", 200, b"application/octet-stream", b"\x00"),
        (bytearray(b"a"), 200, b"application/octet-stream", b"a"),
        (memoryview(b"a"), 200, b"application/octet-stream", b"a"),
        ({"status": 200, "body": ""}, 200, b"text/plain; charset=utf-8", b""),
        ({"status": 204, "body": {}}, 204, None, b""),
        ({"status": 304, "body": "x"}, 304, None, b""),
        ({"status": 200, "body": "a,b", "headers": {"Content-Type": "text/csv"}}, 200, b"text/csv", b"a,b"),
        ({"status": 200, "body": {}, "headers": {"content-type": HAL}}, 200, HAL.encode(), b"{}"),
        (Plain(status=200, body="a", media_type="text/css"), 200, b"text/css; charset=utf-8", b"a"),
        (Plain(status=204, body="", headers={}, cookies=None, media_type=None), 204, None, b""),
    ],
)
def test_other_answers(value: Any, status: int, content_type: bytes | None, body: bytes) -> None:
    assert told(value) == (status, content_type, body)


def test_a_finished_response_passes_unchanged() -> None:
    response = HttpResponse(200, [], b"")
    assert to_response(response) is response


def test_the_length_is_ours_and_connection_headers_are_the_servers() -> None:
    response = to_response(
        {
            "status": 200,
            "body": "abc",
            "headers": {
                "Content-Length": "99",
                "Transfer-Encoding": "chunked",
                "Connection": "close",
                "X-A": "1",
            },
        }
    )
    assert dict(response.headers) == {
        b"x-a": b"1",
        b"content-type": b"text/plain; charset=utf-8",
        b"content-length": b"3",
    }


def test_header_values_of_all_kinds() -> None:
    given = {"X-N": 5, "x-b": True, "x-list": ["a", "b"], "x-none": None, "x-bytes": b"raw", "x-l": "é"}
    response = to_response({"status": 204, "headers": given})
    assert response.headers == [
        (b"x-n", b"5"),
        (b"x-b", b"true"),
        (b"x-list", b"a"),
        (b"x-list", b"b"),
        (b"x-bytes", b"raw"),
        (b"x-l", b"\xe9"),
    ]
    pairs = Plain(status=204, body=None, headers=[("a", "1"), ("a", "2")])
    assert to_response(pairs).headers == [(b"a", b"1"), (b"a", b"2")]


@pytest.mark.parametrize(
    ("headers", "path"),
    [
        ({"x": "a\r\nset-cookie: b=c"}, "$.headers.x"),
        ({"x": "a\nb"}, "$.headers.x"),
        ({"x": "a\0"}, "$.headers.x"),
        ({"x": b"a\rb"}, "$.headers.x"),
        ({"x": ["ok", "a\n"]}, "$.headers.x"),
        ({"x\r\ny": "a"}, "$.headers"),
        ({"": "a"}, "$.headers"),
        ({"a b": "a"}, "$.headers"),
        ({"é": "a"}, "$.headers"),
        ({1: "a"}, "$.headers"),
        ({"x": "中"}, "$.headers.x"),
        ({"x": {}}, "$.headers.x"),
        ("x: y", "$.headers"),
        (["x: y"], "$.headers"),
    ],
)
def test_headers_that_could_split_a_response_are_refused(headers: Any, path: str) -> None:
    with pytest.raises(HandlerError) as caught:
        to_response({"status": 200, "body": "x", "headers": headers})
    assert (caught.value.code, caught.value.details["path"]) == ("handler.bad_result", path)
    assert not caught.value.retryable


def test_cookies() -> None:
    response = to_response(
        {
            "status": 200,
            "cookies": {
                "a": "1",
                "sid": {"value": "x", "httpOnly": True, "secure": True, "maxAge": 60, "domain": "d.example"},
                "old": None,
                "cross": {"value": "y", "same_site": "none", "path": "/p"},
            },
        }
    )
    assert [value.decode() for name, value in response.headers if name == b"set-cookie"] == [
        "a=1; Path=/; SameSite=Lax",
        "sid=x; Max-Age=60; Path=/; Domain=d.example; SameSite=Lax; Secure; HttpOnly",
        "old=; Max-Age=0; Path=/; SameSite=Lax",
        "cross=y; Path=/p; SameSite=None; Secure",
    ]


@pytest.mark.parametrize(
    "cookies",
    [
        {"a": "x;y"},
        {"a": "x\r\ny"},
        {"a": 'say "x"'},
        {"a": "ä"},
        {"a b": "x"},
        {"a": {"value": "x", "path": "/;secure"}},
        {"a": {"value": "x", "same_site": "sometimes"}},
        {"a": {"value": "x", "colour": 1}},
        {"a": {"value": "x", "max_age": "soon"}},
        {"a": {}},
        ["a=1"],
    ],
)
def test_bad_cookies_are_refused(cookies: Any) -> None:
    with pytest.raises(HandlerError, match=r"\$\.cookies"):
        to_response({"status": 200, "cookies": cookies})


def cycle() -> dict[str, Any]:
    value: dict[str, Any] = {}
    value["self"] = value
    return value


JUNK: list[tuple[Callable[[], Any], str]] = [
    (object, "$"),
    (lambda: {"a": object()}, "$.a"),
    (lambda: {"status": 200, "body": {"a": [object()]}}, "$.a[0]"),
    (lambda: {"a": math.nan}, "$.a"),
    (lambda: math.inf, "$"),
    (cycle, "$.self"),
    (lambda: "\ud800", "$"),
    (lambda: {"a": "\ud800"}, "$.a"),
    (lambda: {"status": 100, "body": 1}, "$.status"),
    (lambda: Plain(status=999, body=1), "$.status"),
    (lambda: Measured(value=math.nan), "$.value"),
    (lambda: Measured(value=None, nested={"a": [1.0, math.inf]}), "$.nested.a[1]"),
    (lambda: ComputedNaN(), "$.b"),
    (lambda: ApiResponse(status=200, body=Measured(value=math.nan)), "$.value"),
    (lambda: to_response, "$"),
    (lambda: {"a": 2**70}, "$.a"),
    (lambda: ({"error": "no such user"}, 404), "$"),
    (lambda: (), "$"),
]


@pytest.mark.parametrize(("make", "path"), JUNK)
def test_junk_names_its_path(make: Callable[[], Any], path: str) -> None:
    with pytest.raises(HandlerError) as caught:
        to_response(make())
    assert caught.value.code == "handler.bad_result"
    assert caught.value.details["path"] == path
    assert caught.value.message.startswith(path)


def test_a_model_that_cannot_write_itself_is_refused() -> None:
    with pytest.raises(HandlerError, match=r"\$: expected a model"):
        to_response(
            ApiResponse.model_construct(status=200, body=1, headers={}, more=1).model_copy(
                update={"body": Measured.model_construct(value=1, nested={"a": object()})}
            )
        )


def test_null_in_a_model_is_no_error() -> None:
    assert told(Measured(value=None, nested={"a": [1.5]})) == (
        200,
        JSON,
        b'{"value":null,"nested":{"a":[1.5]}}',
    )
