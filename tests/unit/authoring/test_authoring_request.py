from __future__ import annotations

import gc
from typing import Any

import pytest

from motia import MotiaHttpArgs, Request, UploadFile, encoding
from motia.core import occurrence as core
from motia.errors import InputError


def request(
    body: bytes = b"",
    content_type: str | None = None,
    headers: list[tuple[bytes, bytes]] | None = None,
    **more: Any,
) -> Request[Any]:
    lines = [(b"content-type", content_type.encode())] if content_type else []
    fields: dict[str, Any] = {
        "method": "POST",
        "path": "/users/7",
        "route": "/users/:id",
        "path_params": {"id": "7"},
        "query_string": b"",
        **more,
    }
    return Request(core.Request(headers=[*lines, *(headers or [])], body=body, **fields))


def multipart(*parts: tuple[str, bytes]) -> tuple[bytes, str]:
    body = b"".join(b"--edge\r\n%s\r\n\r\n%s\r\n" % (head.encode(), data) for head, data in parts)
    return body + b"--edge--\r\n", "multipart/form-data; boundary=edge"


def test_every_spelling_reads_the_same_part() -> None:
    req = request(b'{"a": 1}', "application/json", query_string=b"tag=a&tag=b&page=2")
    assert (
        req.path_params
        == req.pathParams
        == req.params
        == req["pathParams"]
        == req.get("params")
        == {"id": "7"}
    )
    assert req.query_params == req["queryParams"] == req.query == {"tag": ["a", "b"], "page": "2"}
    assert req.body == req["body"] == req.get("body") == {"a": 1}
    assert req.raw_body == req["rawBody"] == '{"a": 1}'
    assert req.raw_bytes == req.rawBytes == b'{"a": 1}'
    assert (req.method, req.path, req.route, req["scheme"], req.client) == (
        "POST",
        "/users/7",
        "/users/:id",
        "http",
        None,
    )


def test_parts_are_decoded_once() -> None:
    req = request(b'{"a": 1}', "application/json", query_string=b"a=1")
    assert req.body is req.body
    assert req.query_params is req["query"]
    assert req.headers is req.headers


def test_what_is_set_under_one_name_is_read_under_all() -> None:
    req = request(b'{"a": 1}', "application/json")
    req["queryParams"] = {"page": 3}
    req.params = {"id": 7}
    req["body"] = {"b": 2}
    req["user"] = {"name": "Ada"}
    req.tenant = "north"
    assert (req.query_params, req.path_params, req.body) == ({"page": 3}, {"id": 7}, {"b": 2})
    assert req.user == {"name": "Ada"}
    assert req["tenant"] == req.get("tenant") == "north"


def test_get_gives_the_default_for_nothing_and_for_none() -> None:
    req = request()
    assert req.body is None
    assert req.get("body", {}) == {}
    assert req.get("pathParams", {}).get("id") == "7"
    assert req.get("missing") is None
    with pytest.raises(KeyError):
        req["missing"]
    with pytest.raises(AttributeError):
        req.missing  # noqa: B018
    assert req.setdefault("user", "nobody") == "nobody"
    assert req.setdefault("user", "somebody") == "nobody"


def test_methods_and_private_attributes_are_no_items() -> None:
    req = request()
    for name in ("get", "form", "_raw", "_replaced", "__dict__"):
        assert name not in req
        with pytest.raises(KeyError):
            req[name]


def test_asking_whether_a_part_is_there_does_not_read_the_body() -> None:
    req = request(b"{", "application/json")
    assert "body" in req
    assert "user" not in req


def test_it_is_a_mapping_that_can_be_logged() -> None:
    req = request(b'{"a": 1}', "application/json")
    req["user"] = "Ada"
    assert encoding.decode(encoding.encode(req)) == {
        "method": "POST",
        "path": "/users/7",
        "path_params": {"id": "7"},
        "query_params": {},
        "headers": {"content-type": "application/json"},
        "body": {"a": 1},
        "user": "Ada",
    }
    assert len(req) == 7
    assert req
    assert hash(req) == hash(req)
    assert req != request(b'{"a": 1}', "application/json")


def test_malformed_json_is_the_callers_error_when_it_is_read() -> None:
    req = request(b'{"a": ', "application/json; charset=utf-8")
    with pytest.raises(InputError) as refused:
        req.body  # noqa: B018
    assert refused.value.code == "json.malformed"
    assert refused.value.http_status == 400


@pytest.mark.parametrize("content_type", ["application/json", "application/problem+json", "Application/JSON"])
def test_json_types_are_parsed(content_type: str) -> None:
    assert request(b"[1]", content_type).body == [1]


@pytest.mark.parametrize(
    ("content_type", "body", "expected"),
    [
        ("text/plain", "grüße".encode(), "grüße"),
        ("text/plain; charset=latin-1", "grüße".encode("latin-1"), "grüße"),
        ("text/plain; charset=nonsense", b"hello", "hello"),
        ("application/octet-stream", b"\x00\xff", b"\x00\xff"),
        (None, b'{"a": 1}', {"a": 1}),
        (None, b"plain", b"plain"),
        ("application/x-www-form-urlencoded", b"a=1&b=x+y&a=2", {"a": ["1", "2"], "b": "x y"}),
    ],
)
def test_the_body_follows_its_content_type(content_type: str | None, body: bytes, expected: Any) -> None:
    assert request(body, content_type).body == expected


def test_json_bytes_are_there_until_the_body_is_replaced() -> None:
    req = request(b"[1]", "application/json")
    assert req.json_bytes == b"[1]"
    assert request(b"[1]").json_bytes == b"[1]"
    assert request(b"a=1", "application/x-www-form-urlencoded").json_bytes is None
    req.body = [2]
    assert req.json_bytes is None


def test_multipart_gives_texts_files_and_lists() -> None:
    body, content_type = multipart(
        ('Content-Disposition: form-data; name="title"', "Bild ü".encode()),
        ('Content-Disposition: form-data; name="tag"', b"a"),
        ('Content-Disposition: form-data; name="tag"', b"b"),
        (
            'Content-Disposition: form-data; name="photo"; filename="a.png"\r\nContent-Type: image/png',
            b"\x89PNG\r\n\x00",
        ),
    )
    form = request(body, content_type).form()
    assert form["title"] == "Bild ü"
    assert form["tag"] == ["a", "b"]
    assert form["photo"] == UploadFile(filename="a.png", content_type="image/png", data=b"\x89PNG\r\n\x00")
    assert form["photo"].size == 7


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"--edge\r\n", "multipart/form-data"),
        (b"no boundary at all", "multipart/form-data; boundary=edge"),
        (
            b'--edge\r\nContent-Disposition: form-data; name="a"\r\n\r\ncut',
            "multipart/form-data; boundary=edge",
        ),
        (multipart(("Content-Disposition: form-data", b"x"))[0], "multipart/form-data; boundary=edge"),
    ],
)
def test_a_broken_multipart_body_is_the_callers_error(body: bytes, content_type: str) -> None:
    with pytest.raises(InputError) as refused:
        request(body, content_type).form()
    assert refused.value.code == "form.malformed"


def test_form_refuses_what_is_no_form() -> None:
    with pytest.raises(InputError) as refused:
        request(b"{}", "application/json").form()
    assert refused.value.http_status == 415
    assert request(b"", "application/x-www-form-urlencoded").form() == {}


def test_headers_are_found_in_any_case_and_joined() -> None:
    req = request(
        headers=[
            (b"x-tag", b"a"),
            (b"x-tag", b"b"),
            (b"cookie", b"a=1"),
            (b"cookie", b"b=2"),
            (b"x-l", b"\xe9"),
        ]
    )
    assert req.headers["X-Tag"] == req.headers.get("x-tag") == "a, b"
    assert "X-TAG" in req.headers
    assert "x-none" not in req.headers
    assert req.headers.get("X-None", "?") == "?"
    assert req.headers["x-l"] == "é"
    assert list(req.headers) == ["x-tag", "cookie", "x-l"]
    assert req.cookies == {"a": "1", "b": "2"}


def test_cookies_keep_the_first_of_a_name_and_lose_their_quotes() -> None:
    req = request(headers=[(b"cookie", b'a="x y"; a=2; broken; =nameless; b=c=d')])
    assert req.cookies == {"a": "x y", "b": "c=d"}


def test_it_serves_handlers_written_for_request_and_response() -> None:
    req = request()
    assert req.request is req
    assert req.response is None
    req.response = writer = object()
    assert req["response"] is writer


def test_a_test_can_build_one_by_hand() -> None:
    req: Request[Any] = Request(
        method="PUT", body={"a": 1}, pathParams={"id": "1"}, headers={"content-type": "text/plain"}
    )
    assert (req.method, req.body, req.path_params, req.query_params) == ("PUT", {"a": 1}, {"id": "1"}, {})
    assert req.content_type == "text/plain"
    assert req.json_bytes is None


def test_a_subscripted_request_is_the_class_itself() -> None:
    assert Request[dict] is Request
    assert MotiaHttpArgs[Any] is Request


def test_building_one_decodes_nothing_and_leaves_no_cycle() -> None:
    req = request(b"{", "application/json", query_string=b"%ff")
    assert set(vars(req)) == {"_raw"}
    assert not any(value is req for value in gc.get_referents(vars(req)))
