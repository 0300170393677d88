from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from motia import (
    SSE,
    ApiResponse,
    Body,
    Cancel,
    Cookie,
    Depends,
    EventSource,
    FileResponse,
    Header,
    HTTPError,
    Query,
    Redirect,
    Response,
    Retry,
    Snooze,
)
from motia.authoring.depends import REQUIRED
from motia.errors import InputError, MotiaError
from motia.http.problem import problem_of
from motia.http.response import HttpResponse, to_response
from motia.http.stream import Stream


def header(response: HttpResponse, name: bytes) -> bytes | None:
    return next((value for found, value in response.headers if found == name), None)


def test_a_response_says_status_headers_cookies_and_type() -> None:
    sent = to_response(
        Response("<a/>", 201, headers={"x-id": "7"}, cookies={"sid": "abc"}, media_type="image/svg+xml")
    )
    assert (sent.status, sent.body) == (201, b"<a/>")
    assert header(sent, b"x-id") == b"7"
    assert header(sent, b"content-type") == b"image/svg+xml"
    assert (header(sent, b"set-cookie") or b"").startswith(b"sid=abc;")


def test_a_response_without_anything_is_an_empty_200() -> None:
    sent = to_response(Response())
    assert (sent.status, sent.body) == (200, b"")


def test_the_response_of_motia_1_keeps_its_order_of_arguments() -> None:
    sent = to_response(ApiResponse(404, {"error": "none"}, {"x-a": "b"}))
    assert (sent.status, sent.body, header(sent, b"x-a")) == (404, b'{"error":"none"}', b"b")
    assert to_response(ApiResponse(status=204, body="")).body == b""


def test_a_redirect_names_its_target() -> None:
    sent = to_response(Redirect("/elsewhere", 303))
    assert (sent.status, header(sent, b"location"), sent.body) == (303, b"/elsewhere", b"")
    assert to_response(Redirect("/x")).status == 307


def test_a_file_is_sent_under_its_name(tmp_path: Path) -> None:
    path = tmp_path / "report.pdf"
    path.write_bytes(b"%PDF")
    sent = to_response(FileResponse(path, filename="March.pdf", headers={"x-a": "b"}))
    assert header(sent, b"content-type") == b"application/pdf"
    assert header(sent, b"content-length") == b"4"
    assert b"March.pdf" in (header(sent, b"content-disposition") or b"")
    assert header(sent, b"x-a") == b"b"


async def drained(stream: Stream) -> bytes:
    return b"".join([chunk async for chunk in stream])


def test_an_event_source_sends_events_and_plain_data() -> None:
    async def events() -> AsyncIterator[Any]:
        yield SSE("hello", event="greeting", id="1", retry=500)
        yield {"n": 1}

    sent = to_response(EventSource(events(), headers={"x-a": "b"}))
    assert isinstance(sent.body, Stream)
    text = asyncio.run(drained(sent.body))
    assert (header(sent, b"content-type") or b"").startswith(b"text/event-stream")
    assert text == b'event: greeting\nid: 1\nretry: 500\ndata: hello\n\ndata: {"n":1}\n\n'


def test_an_http_error_becomes_its_answer() -> None:
    error = HTTPError(404, "no such order", {"x-a": "b"})
    assert isinstance(error, MotiaError)
    assert "no such order" in str(error)
    sent = problem_of(error)
    assert (sent.status, header(sent, b"x-a")) == (404, b"b")
    assert b"no such order" in bytes(sent.body)  # type: ignore[arg-type]
    assert b'"detail":{"code":7}' in bytes(problem_of(HTTPError(409, {"code": 7})).body)  # type: ignore[arg-type]


@pytest.mark.parametrize("status", [200, 399, 600])
def test_an_http_error_is_an_error(status: int) -> None:
    with pytest.raises(ValueError, match="400 to 599"):
        HTTPError(status)


def test_retry_and_snooze_read_durations() -> None:
    assert Retry().delay_s is None
    assert (Retry("5m", "busy").delay_s, Retry("5m", "busy").reason) == (300, "busy")
    assert Snooze(timedelta(hours=1)).delay_s == 3600
    assert Snooze(0.5, "later").reason == "later"
    assert Cancel("obsolete").reason == "obsolete"
    assert "300" in repr(Retry("5m"))
    with pytest.raises(InputError, match="Snooze"):
        Snooze("soon")


def test_control_values_are_no_errors() -> None:
    assert not any(isinstance(value, BaseException) for value in (Retry(), Snooze(1), Cancel()))


def test_depends_holds_the_function() -> None:
    def database() -> str:
        return "db"

    assert Depends(database).function is database
    assert Depends(database).use_cache
    assert not Depends(database, use_cache=False).use_cache
    with pytest.raises(dataclasses.FrozenInstanceError):
        Depends(database).function = print


def test_markers_say_where_a_parameter_comes_from() -> None:
    marked = [Header(alias="X-Token"), Query(1), Cookie(..., alias="sid"), Body()]
    assert [mark.source for mark in marked] == ["header", "query", "cookie", "body"]
    assert [mark.name for mark in marked] == ["X-Token", None, "sid", None]
    assert marked[1].default == 1
    assert marked[3].default is REQUIRED
