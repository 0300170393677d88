"""Responses as HTTP/1.1 bytes."""

from __future__ import annotations

from http import HTTPStatus

from motia.http.headers import Headers

_STATUS_LINES = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode("ascii") for status in HTTPStatus
}
_CLOSE = b"connection: close\r\n\r\n"
_KEEP_ALIVE = b"connection: keep-alive\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"


def head_bytes(status: int, headers: Headers, *, close: bool = False, keep_alive: bool = False) -> bytes:
    """The head, with its empty line. `close` says that the connection ends, `keep_alive` that it does not,
    which only an HTTP/1.0 client needs to hear. The headers were checked when they were made."""
    line = _STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status
    parts = [line]
    for name, value in headers:
        parts += (name, b": ", value, b"\r\n")
    parts.append(_CLOSE if close else _KEEP_ALIVE if keep_alive else b"\r\n")
    return b"".join(parts)


def chunk_bytes(data: bytes) -> bytes:
    """One chunk of a body of unknown length. Empty data would end the body: it gives nothing."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""
