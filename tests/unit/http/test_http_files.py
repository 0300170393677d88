from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from motia.authoring.results import FileResponse, Redirect
from motia.errors import HandlerError
from motia.http.conditional import conditional
from motia.http.files import FileBody
from motia.http.response import HttpResponse, to_response

CONTENT = bytes(range(256)) * 4


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "data.bin"
    path.write_bytes(CONTENT)
    os.utime(path, (1_900_000_000, 1_900_000_000))
    return path


def read(response: HttpResponse) -> bytes:
    async def run() -> bytes:
        assert isinstance(response.body, FileBody)
        return b"".join([chunk async for chunk in response.body])

    return asyncio.run(run())


def header(response: HttpResponse, name: bytes) -> bytes:
    return dict(response.headers)[name]


def test_a_path_is_sent_with_length_and_validators(file: Path) -> None:
    response = to_response(file)
    assert response.status == 200
    assert header(response, b"content-type") == b"application/octet-stream"
    assert header(response, b"content-length") == b"1024"
    assert header(response, b"last-modified") == b"Sun, 17 Mar 2030 17:46:40 GMT"
    assert read(response) == CONTENT


def test_type_is_guessed_and_can_be_given(tmp_path: Path) -> None:
    page = tmp_path / "a.html"
    page.write_text("<p>")
    assert header(to_response(page), b"content-type") == b"text/html; charset=utf-8"
    given = {"status": 200, "body": page, "headers": {"content-type": "text/plain"}}
    assert header(to_response(given), b"content-type") == b"text/plain"


def test_the_frameworks_own_file_and_redirect_results() -> None:
    response = to_response(FileResponse(__file__, filename="ä b.py", media_type="text/x-python"))
    assert header(response, b"content-type") == b"text/x-python; charset=utf-8"
    assert header(response, b"content-disposition") == b"attachment; filename*=UTF-8''%C3%A4%20b.py"
    assert read(response) == Path(__file__).read_bytes()
    redirect = to_response(Redirect("/there?a=b", 303))
    assert redirect.status == 303
    assert redirect.headers == [(b"location", b"/there?a=b"), (b"content-length", b"0")]
    with pytest.raises(HandlerError):
        to_response(Redirect("/there\r\nset-cookie: a=b"))


def test_a_users_record_with_a_path_is_data() -> None:
    class Record:
        status, path, filename, headers = 200, "/etc/passwd", "x", None

    with pytest.raises(HandlerError):
        to_response(Record())


@pytest.mark.parametrize("name", ["missing", ".", "a\0b"])
def test_what_is_no_file_is_the_authors_fault(tmp_path: Path, name: str) -> None:
    with pytest.raises(HandlerError, match="file"):
        to_response(tmp_path / name)


def test_a_file_that_shrank_fails_instead_of_lying(file: Path) -> None:
    response = to_response(file)
    file.write_bytes(b"short")
    with pytest.raises(OSError, match="expected 1019 more bytes"):
        read(response)


@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [
        (b"bytes=0-0", 0, 0),
        (b"bytes=10-19", 10, 19),
        (b"bytes=1000-", 1000, 1023),
        (b"bytes=-24", 1000, 1023),
        (b"bytes=-9999", 0, 1023),
        (b"bytes=1000-9999", 1000, 1023),
        (b"Bytes=0-1", 0, 1),
    ],
)
def test_one_range(file: Path, wanted: bytes, start: int, end: int) -> None:
    response = conditional(to_response(file), "GET", [(b"range", wanted)])
    assert response.status == 206
    assert header(response, b"content-range") == b"bytes %d-%d/1024" % (start, end)
    assert header(response, b"content-length") == b"%d" % (end - start + 1)
    assert read(response) == CONTENT[start : end + 1]


@pytest.mark.parametrize(
    "wanted",
    [b"bytes=0-1,3-4", b"bytes=-", b"lines=0-1", b"bytes=5-2", b"bytes=a-b", b"bytes=" + b"0-1," * 10_000],
)
def test_other_ranges_get_the_whole_file(file: Path, wanted: bytes) -> None:
    whole = to_response(file)
    assert conditional(whole, "GET", [(b"range", wanted)]) is whole


@pytest.mark.parametrize("wanted", [b"bytes=1024-", b"bytes=5000-6000", b"bytes=-0"])
def test_ranges_outside_are_416(file: Path, wanted: bytes) -> None:
    response = conditional(to_response(file), "GET", [(b"range", wanted)])
    assert (response.status, header(response, b"content-range")) == (416, b"bytes */1024")


def test_validators(file: Path) -> None:
    whole = to_response(file)
    etag, modified = header(whole, b"etag"), header(whole, b"last-modified")

    def ask(**headers: bytes) -> int:
        lines = [(name.replace("_", "-").encode(), value) for name, value in headers.items()]
        return conditional(to_response(file), "GET", lines).status

    assert ask(if_none_match=etag) == 304
    assert ask(if_none_match=b'"x", W/' + etag) == 304
    assert ask(if_none_match=b"*") == 304
    assert ask(if_none_match=b'"x"', if_modified_since=modified) == 200
    assert ask(if_modified_since=modified) == 304
    assert ask(if_modified_since=b"Mon, 01 Jan 2001 00:00:00 GMT") == 200
    assert ask(if_modified_since=b"nonsense") == 200
    assert ask(range=b"bytes=0-1", if_range=etag) == 206
    assert ask(range=b"bytes=0-1", if_range=modified) == 206
    assert ask(range=b"bytes=0-1", if_range=b'"x"') == 200


def test_only_whole_files_of_get_and_head_are_conditional(file: Path) -> None:
    lines = [(b"range", b"bytes=0-1")]
    cases: list[tuple[Any, str]] = [
        (file, "POST"),
        ({"status": 404, "body": file}, "GET"),
        ("x", "GET"),
        (file, "HEAD"),
    ]
    for value, method in cases:
        response = to_response(value)
        assert conditional(response, method, lines) is response
