"""Whether a file has to be sent again, and which part of it (RFC 9110, sections 13 and 14)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from email.utils import parsedate_to_datetime

from motia.http.files import FileBody
from motia.http.response import HttpResponse

_RANGE = re.compile(rb"bytes=([0-9]{0,18})-([0-9]{0,18})\Z")
_VALIDATORS = frozenset({b"etag", b"last-modified", b"cache-control", b"vary", b"expires", b"set-cookie"})


def conditional(
    response: HttpResponse, method: str, request_headers: Sequence[tuple[bytes, bytes]]
) -> HttpResponse:
    """304, 206 or 416 where the request's validators or its range ask for it, else the response as it is.

    Only a 200 with a `FileBody` and the methods GET and HEAD are looked at. One range is honoured; several,
    or another unit, get the whole file.
    """
    body = response.body
    if not isinstance(body, FileBody) or response.status != 200 or method not in ("GET", "HEAD"):
        return response
    asked = dict(request_headers)
    if _unchanged(body, asked):
        return HttpResponse(304, [line for line in response.headers if line[0] in _VALIDATORS], b"")
    wanted = asked.get(b"range")
    if wanted is None or method == "HEAD" or not _range_applies(body, asked.get(b"if-range")):
        return response
    found = _RANGE.match(wanted.strip().lower())
    if found is None or found[1] == found[2] == b"":
        return response
    size = body.size_bytes
    if found[1] == b"":
        start, end = max(0, size - int(found[2])), size - 1
    else:
        start, end = int(found[1]), min(int(found[2] or size), size - 1)
        if found[2] and int(found[2]) < start:
            return response
    if start >= size:
        return HttpResponse(416, [(b"content-range", b"bytes */%d" % size), (b"content-length", b"0")], b"")
    length = end - start + 1
    headers = [line for line in response.headers if line[0] != b"content-length"]
    headers.append((b"content-length", b"%d" % length))
    headers.append((b"content-range", b"bytes %d-%d/%d" % (start, end, size)))
    return HttpResponse(206, headers, body.part(start, length))


def _unchanged(body: FileBody, asked: dict[bytes, bytes]) -> bool:
    tags = asked.get(b"if-none-match")
    if tags is not None:
        return tags.strip() == b"*" or any(
            tag.strip().removeprefix(b"W/") == body.etag for tag in tags.split(b",")
        )
    since_s = _date_s(asked.get(b"if-modified-since"))
    return since_s is not None and body.modified_s <= since_s


def _range_applies(body: FileBody, if_range: bytes | None) -> bool:
    if if_range is None:
        return True
    return if_range.strip() == body.etag or _date_s(if_range) == body.modified_s


def _date_s(value: bytes | None) -> int | None:
    if value is None:
        return None
    try:
        return int(parsedate_to_datetime(value.decode("latin-1")).timestamp())
    except (ValueError, OverflowError):
        # A date that makes no sense counts as not sent.
        return None
