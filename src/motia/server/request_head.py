"""What the head of a request says: its target, and whether it asks for another protocol. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import httptools

from motia.core.occurrence import Request


def split_target(target: bytes) -> tuple[bytes, bytes]:
    """Raw path and query of a request's target, in origin form or, as proxies send it, with a host."""
    if not target.startswith(b"/") and b"://" in target:
        url = httptools.parse_url(target)
        return url.path or b"/", url.query or b""
    path, _, query = target.partition(b"?")
    if target.find(b"#") >= 0:  # `in` takes bytes for a number first, at the price of an exception
        path, query = path.partition(b"#")[0], query.partition(b"#")[0]
    return path, query


def asks_for_websocket(headers: Sequence[tuple[bytes, bytes]]) -> bool:
    """Whether the upgrade it asks for is one we make: a handshake has no body."""
    asked = False
    for name, value in headers:
        if name == b"transfer-encoding" or (name == b"content-length" and int(value)):
            return False
        asked = asked or (name == b"upgrade" and value.lower() == b"websocket")
    return asked


def head_as_sent(target: bytes, request: Request, version: str) -> bytes:
    """The head again as bytes, for the protocol that takes over."""
    lines = b"".join(b"%b: %b\r\n" % line for line in request.headers)
    return b"%b %b HTTP/%b\r\n%b\r\n" % (request.method.encode(), target, version.encode(), lines)
