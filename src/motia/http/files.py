"""Files as response bodies: length and validators known before the first byte, read in threads."""

from __future__ import annotations

import asyncio
import mimetypes
import os
import stat
from collections.abc import AsyncIterator
from email.utils import formatdate
from pathlib import Path, PurePath
from typing import BinaryIO
from urllib.parse import quote

from motia.http.bad_result import bad_result
from motia.http.headers import Headers

_CHUNK_BYTES = 256 * 1024


class FileBody(AsyncIterator[bytes]):
    """`length` bytes of a file from `start`. Opened at the first read; one reader; close with `aclose`.

    Failure: `OSError` when the file went away or became shorter than it was announced.
    """

    __slots__ = ("_file", "_left", "etag", "length", "modified_s", "path", "size_bytes", "start")

    def __init__(
        self, path: Path, *, size_bytes: int, modified_s: int, etag: bytes, start: int = 0, length: int
    ) -> None:
        self.path = path
        self.size_bytes = size_bytes
        self.modified_s = modified_s
        self.etag = etag
        self.start = start
        self.length = length
        self._left = length
        self._file: BinaryIO | None = None

    def part(self, start: int, length: int) -> FileBody:
        """The same file from `start` on."""
        return FileBody(
            self.path,
            size_bytes=self.size_bytes,
            modified_s=self.modified_s,
            etag=self.etag,
            start=start,
            length=length,
        )

    def __aiter__(self) -> FileBody:
        return self

    async def __anext__(self) -> bytes:
        if self._left == 0:
            await self.aclose()
            raise StopAsyncIteration
        try:
            chunk = await asyncio.to_thread(self._read)
        except OSError:
            await self.aclose()
            raise
        self._left -= len(chunk)
        return chunk

    async def aclose(self) -> None:
        """Close the file; safe twice."""
        file, self._file = self._file, None
        if file is not None:
            await asyncio.to_thread(file.close)

    def _read(self) -> bytes:
        if self._file is None:
            self._file = self.path.open("rb")
            self._file.seek(self.start)
        chunk = self._file.read(min(_CHUNK_BYTES, self._left))
        if not chunk:
            raise OSError(f"{self.path.name}: expected {self._left} more bytes, got the end of the file")
        return chunk


def file_body(path: str | PurePath, *, filename: str | None = None) -> tuple[Headers, FileBody]:
    """Header lines and body of a regular file; `filename` makes browsers save it under that name.

    Failure: `handler.bad_result` when there is no such readable file.
    """
    file = Path(path)
    try:
        found = file.stat()
    except (OSError, ValueError) as error:
        raise bad_result("$", "a file that exists", str(path)) from error
    if not stat.S_ISREG(found.st_mode) or not os.access(file, os.R_OK):
        raise bad_result("$", "a regular, readable file", str(path))
    guessed, compression = mimetypes.guess_type(file.name)
    content_type = (guessed if compression is None else None) or "application/octet-stream"
    etag = f'"{found.st_mtime_ns:x}-{found.st_size:x}"'.encode()
    modified_s = int(found.st_mtime)
    lines: Headers = [
        (b"content-type", with_charset(content_type)),
        (b"content-length", b"%d" % found.st_size),
        (b"accept-ranges", b"bytes"),
        (b"etag", etag),
        (b"last-modified", formatdate(modified_s, usegmt=True).encode()),
    ]
    if filename is not None:
        disposition = f"attachment; filename*=UTF-8''{quote(filename, safe='')}"
        lines.append((b"content-disposition", disposition.encode()))
    size_bytes = found.st_size
    return lines, FileBody(file, size_bytes=size_bytes, modified_s=modified_s, etag=etag, length=size_bytes)


def with_charset(media_type: str) -> bytes:
    """The content type, with `charset=utf-8` where it is text and names none."""
    if any(character < " " or character > "~" for character in media_type):
        raise bad_result("$.media_type", "a media type", repr(media_type))
    if media_type.startswith("text/") and "charset" not in media_type.lower():
        media_type = f"{media_type}; charset=utf-8"
    return media_type.encode("ascii")
