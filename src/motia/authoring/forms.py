"""Form bodies: urlencoded and multipart, as plain dicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from motia.errors import InputError
from motia.http.query import parse_query

MAX_PARTS = 1000
_ANY_TYPE = b"application/octet-stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadFile:
    """A file of a multipart form, in memory: bodies are limited before they are parsed."""

    filename: str
    """As the client sent it: never use it as a path."""
    content_type: str
    data: bytes

    @property
    def size(self) -> int:
        """Length in bytes."""
        return len(self.data)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.is_instance_schema(cls)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        return {"type": "string", "format": "binary"}


def parse_urlencoded(body: bytes) -> dict[str, str | list[str]]:
    """Field → text, or the list of texts where a field is repeated; `InputError` past 1,000 fields."""
    return parse_query(body)


def parse_multipart(body: bytes, content_type: bytes) -> dict[str, Any]:
    """Field → text or `UploadFile`, or a list where a field is repeated.

    Failure: `InputError` `form.malformed` (400).
    """
    from python_multipart.exceptions import FormParserError
    from python_multipart.multipart import MultipartParser, parse_options_header

    boundary = parse_options_header(content_type)[1].get(b"boundary")
    if not boundary:
        raise _malformed("a boundary in the content type, got none")
    parts = _Parts()
    try:
        parser = MultipartParser(boundary, parts.callbacks())  # type: ignore[arg-type]  # a TypedDict of these
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise _malformed(f"a multipart body, got one that stops making sense: {error}") from error
    if not parts.ended:
        raise _malformed("a whole multipart body, got one without its end")
    return parts.fields


class _Parts:
    """Collects the parts that the parser reports piece by piece."""

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {}
        self.ended = False
        self._count = 0
        self._reset()

    def _reset(self) -> None:
        self._headers: dict[bytes, bytes] = {}
        self._name, self._value, self._data = bytearray(), bytearray(), bytearray()

    def callbacks(self) -> dict[str, Any]:
        return {
            "on_part_begin": self._reset,
            "on_header_field": lambda data, start, end: self._name.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._header_end,
            "on_part_data": lambda data, start, end: self._data.extend(data[start:end]),
            "on_part_end": self._part_end,
            "on_end": self._end,
        }

    def _end(self) -> None:
        self.ended = True

    def _header_end(self) -> None:
        self._headers[bytes(self._name).lower()] = bytes(self._value)
        self._name, self._value = bytearray(), bytearray()

    def _part_end(self) -> None:
        from python_multipart.multipart import parse_options_header

        self._count += 1
        if self._count > MAX_PARTS:
            raise _malformed(f"at most {MAX_PARTS} parts, got more")
        options = parse_options_header(self._headers.get(b"content-disposition", b""))[1]
        if b"name" not in options:
            raise _malformed("a name for every part, got a part without one")
        name = options[b"name"].decode("utf-8", "replace")
        value: str | UploadFile
        if b"filename" in options:
            value = UploadFile(
                filename=options[b"filename"].decode("utf-8", "replace"),
                content_type=self._headers.get(b"content-type", b"application/octet-stream").decode(
                    "latin-1"
                ),
                data=bytes(self._data),
            )
        else:
            value = self._data.decode("utf-8", "replace")
        known = self.fields.get(name)
        if known is None:
            self.fields[name] = value
        else:
            self.fields[name] = [*known, value] if isinstance(known, list) else [known, value]


def _malformed(expected: str) -> InputError:
    return InputError(f"body: expected {expected}", code="form.malformed")
