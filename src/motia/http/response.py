"""What a handler returned, as a response."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from motia.http import sse
from motia.http.bad_result import bad_result
from motia.http.cookies import cookie_lines
from motia.http.files import file_body, with_charset
from motia.http.headers import Headers, content_type_of, header_line, header_lines
from motia.http.json_body import json_bytes
from motia.http.stream import Stream, is_stream


@dataclass(slots=True)
class HttpResponse:
    """A response of any transport. Header names are lower-case; every value was checked.

    `body` is bytes with a `content-length` in `headers`, or an iterator (`Stream`, `FileBody`) that the
    server drains and closes with `aclose()`; `await started(response)` before sending the headers of one.
    """

    status: int
    headers: Headers
    body: bytes | AsyncIterator[bytes]


_JSON = (b"content-type", b"application/json")
_TEXT = (b"content-type", b"text/plain; charset=utf-8")
_HTML = (b"content-type", b"text/html; charset=utf-8")
_XML = (b"content-type", b"application/xml; charset=utf-8")
_BYTES = (b"content-type", b"application/octet-stream")
_EMPTY = (b"content-length", b"0")

_BODILESS = (204, 304)
_BODY_TYPES = frozenset({str, bytes, list, int, float, bool})
_MAPPING_KEYS = frozenset({"status", "body", "headers", "cookies"})
_MODEL_KEYS = _MAPPING_KEYS | {"media_type", "mediaType"}
_ABSENT = object()


def to_response(value: Any) -> HttpResponse:
    """The response for a handler's return value.

    A mapping with an integer `status` of 100–599 and no keys but status, body, headers and cookies is a
    whole response, and so is an object with `status` and `body` (a model or dataclass: if it has no fields
    but those and `media_type`). Anything else is the body of a 200; None is an empty one.
    Failure: `HandlerError` `handler.bad_result` naming the path of what cannot be answered, and for a plain
    tuple, which elsewhere means a body and its status.
    """
    kind = type(value)
    if kind is dict:
        return _of_dict(value) if "status" in value else _json(200, value)
    if value is None:
        return HttpResponse(200, [_EMPTY], b"")
    if kind in _BODY_TYPES:
        return _whole(200, value, [])
    # Before the abstract classes: asking those costs more than the rest of the way.
    fields = getattr(kind, "__pydantic_fields__", None)
    if fields is not None:
        return _of_object(value) if _is_response_record(fields, value) else _json(200, value)
    if isinstance(value, HttpResponse):
        return value
    if isinstance(value, Mapping):
        return _of_mapping(value) if "status" in value and _is_response(value) else _whole(200, value, [])
    if _is_response_object(kind, value):
        return _of_object(value)
    if kind is tuple:
        # In other frameworks this is a body and its status: a list of both must not pass for an answer.
        raise bad_result(
            "$",
            "a body, or a Response",
            f"a tuple of {len(value)}",
            hint="return Response(body, status=…) or raise HTTPError(status, detail); as data, return a list",
        )
    return _whole(200, value, [])


async def started(response: HttpResponse) -> HttpResponse:
    """The same response, its stream's first item read and the content type set that this item asks for.

    Bytes and files come back at once. Failure: what the generator raised before its first item, while a
    proper error can still be sent.
    """
    body = response.body
    if not isinstance(body, Stream):
        return response
    content_type = await body.start()
    if content_type_of(response.headers) is None:
        response.headers.append((b"content-type", content_type))
    if _says_events(response.headers):
        names = {name for name, _ in response.headers}
        # Proxies that buffer or cache would hold the events back.
        defaults = ((b"cache-control", b"no-store"), (b"x-accel-buffering", b"no"))
        response.headers.extend(line for line in defaults if line[0] not in names)
    return response


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_response(value: Mapping[Any, Any]) -> bool:
    status = value["status"]
    return _is_integer(status) and 100 <= status <= 599 and value.keys() <= _MAPPING_KEYS


def _is_response_object(kind: type, value: Any) -> bool:
    if _is_ours(kind):
        return hasattr(value, "status")
    if dataclasses.is_dataclass(kind):
        return _is_response_record({field.name for field in dataclasses.fields(kind)}, value)
    return _is_integer(getattr(value, "status", None)) and hasattr(value, "body")


def _is_response_record(fields: Collection[str], value: Any) -> bool:
    # A user's own record that merely has a status and a body among other fields is data.
    if "status" not in fields or "body" not in fields or not _MODEL_KEYS.issuperset(fields):
        return False
    return _is_integer(value.status)


def _is_ours(kind: type) -> bool:
    # Only our own result types may name a file by `path`: a user's record with such a field is data.
    return any(base.__module__.startswith("motia.authoring") for base in kind.__mro__[:-1])


def _of_dict(value: dict[str, Any]) -> HttpResponse:
    status, body = value["status"], value.get("body")
    # The form that most handlers return needs none of the checks below.
    if (
        type(body) is dict
        and type(status) is int
        and len(value) == 2
        and 200 <= status < 300
        and status != 204
    ):
        return _json(status, body)
    return _of_mapping(value) if _is_response(value) else _json(200, value)


def _of_mapping(value: Mapping[str, Any]) -> HttpResponse:
    status = _final(value["status"])
    body = value.get("body", _ABSENT)
    headers, cookies = value.get("headers"), value.get("cookies")
    lines = header_lines(headers) + cookie_lines(cookies)
    if body is None and status not in _BODILESS:
        # An explicit null is a JSON null; a status alone is an empty body.
        return _buffered(status, lines, b"null", _JSON)
    return _whole(status, None if body is _ABSENT else body, lines)


def _of_object(value: Any) -> HttpResponse:
    status = _final(value.status)
    lines = header_lines(getattr(value, "headers", None)) + cookie_lines(getattr(value, "cookies", None))
    media_type = getattr(value, "media_type", None) or getattr(value, "mediaType", None)
    if media_type and content_type_of(lines) is None:
        lines.append((b"content-type", with_charset(media_type)))
    body = getattr(value, "body", None)
    if body is None and _is_ours(type(value)):
        url = getattr(value, "url", None)
        if isinstance(url, str) and b"location" not in dict(lines):
            lines.append(header_line("location", url))
        if isinstance(path := getattr(value, "path", None), str | PurePath):
            return _file(status, PurePath(path), lines, getattr(value, "filename", None))
    if isinstance(body, PurePath):
        return _file(status, body, lines, getattr(value, "filename", None))
    return _whole(status, body, lines)


def _final(status: Any) -> int:
    if not _is_integer(status) or not 200 <= status <= 599:
        raise bad_result("$.status", "a final status, 200 to 599", repr(status))
    return int(status)


def _whole(status: int, body: Any, lines: Headers) -> HttpResponse:
    if status in _BODILESS:
        return HttpResponse(status, [line for line in lines if line[0] != b"content-length"], b"")
    if body is None:
        return _buffered(status, lines, b"", None)
    if isinstance(body, str):
        try:
            return _buffered(status, lines, body.encode(), _text_type(body))
        except UnicodeEncodeError as error:
            raise bad_result("$", "text that UTF-8 can carry", "a lone surrogate") from error
    if isinstance(body, bytes | bytearray | memoryview):
        return _buffered(status, lines, bytes(body), _BYTES)
    if isinstance(body, PurePath):
        return _file(status, body, lines, None)
    events = bool(lines) and _says_events(lines)
    if is_stream(body) or (events and isinstance(body, list | tuple)):
        if content_type_of(lines) is None:
            return HttpResponse(status, lines, Stream(body))
        return HttpResponse(status, lines, Stream(body, "events" if events else "plain"))
    return _buffered(status, lines, json_bytes(body), _JSON) if lines else _json(status, body)


def _says_events(lines: Headers) -> bool:
    return (content_type_of(lines) or b"").lower().startswith(sse.MEDIA_TYPE)


def _json(status: int, value: Any) -> HttpResponse:
    text = json_bytes(value)
    return HttpResponse(status, [_JSON, (b"content-length", b"%d" % len(text))], text)


def _buffered(
    status: int, lines: Headers, body: bytes, content_type: tuple[bytes, bytes] | None
) -> HttpResponse:
    # The length is ours to say: a wrong one would corrupt the next response of the connection.
    headers = [line for line in lines if line[0] != b"content-length"]
    if content_type is not None and content_type_of(headers) is None:
        headers.append(content_type)
    headers.append((b"content-length", b"%d" % len(body)))
    return HttpResponse(status, headers, body)


def _file(status: int, path: PurePath, lines: Headers, filename: str | None) -> HttpResponse:
    computed, body = file_body(path, filename=filename)
    given = {name for name, _ in lines} - {b"content-length"}
    headers = [line for line in lines if line[0] != b"content-length"]
    headers.extend(line for line in computed if line[0] not in given)
    return HttpResponse(status, headers, body)


def _text_type(text: str) -> tuple[bytes, bytes]:
    start = text[:256].lstrip()
    if start.startswith("<?xml"):
        return _XML
    return _HTML if start.startswith("<") else _TEXT
