"""Header lines of a response, checked before a server sees them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

from motia.http.bad_result import bad_result

Headers = list[tuple[bytes, bytes]]

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_OWNED_BY_THE_SERVER = frozenset({b"connection", b"keep-alive", b"transfer-encoding", b"upgrade"})


def is_token(text: str) -> bool:
    """Whether the text may be a header or cookie name."""
    return _TOKEN.match(text) is not None


def header_lines(headers: Any) -> Headers:
    """Lines of a mapping (a list as value repeats the line) or of (name, value) pairs; names lower-case.

    None values are left out, and so are the headers of one connection (`connection`, `transfer-encoding` …),
    which only the server can know. Failure: `handler.bad_result` naming the header.
    """
    if not headers:
        return []
    lines: Headers = []
    for name, value in _pairs(headers):
        if isinstance(value, list | tuple):
            lines.extend(header_line(name, item) for item in value)
        elif value is not None:
            lines.append(header_line(name, value))
    return [line for line in lines if line[0] not in _OWNED_BY_THE_SERVER]


def header_line(name: Any, value: Any) -> tuple[bytes, bytes]:
    """One checked line. Failure: `handler.bad_result` for a name or value that could split the response."""
    shown = name.decode("latin-1") if isinstance(name, bytes) else name
    if not isinstance(shown, str) or not is_token(shown):
        raise bad_result("$.headers", "header names of letters, digits and !#$%&'*+-.^_`|~", repr(shown))
    path = f"$.headers.{shown}"
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    elif isinstance(value, int | float):
        value = str(value).lower() if isinstance(value, bool) else str(value)
    elif not isinstance(value, str):
        raise bad_result(path, "a string or a list of strings", type(value).__name__)
    if _CONTROL.search(value):
        raise bad_result(path, "a value without control characters", "CR, LF, NUL or another one")
    try:
        return shown.lower().encode("ascii"), value.strip(" \t").encode("latin-1")
    except UnicodeEncodeError as error:
        raise bad_result(
            path,
            "Latin-1 characters",
            repr(value[error.start]),
            hint="percent-encode the value; file names go into filename*=UTF-8''…",
        ) from error


def content_type_of(lines: Headers) -> bytes | None:
    """The value of the first `content-type` line."""
    for name, value in lines:
        if name == b"content-type":
            return value
    return None


def _pairs(headers: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(headers, Mapping):
        return headers.items()
    pairs: Any = headers if isinstance(headers, list | tuple) else [None]
    if all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in pairs):
        return cast("Iterable[tuple[Any, Any]]", pairs)
    raise bad_result("$.headers", "a mapping or a list of pairs", type(headers).__name__)
