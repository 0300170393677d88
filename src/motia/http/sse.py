"""Server-sent events as bytes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from motia.http.bad_result import bad_result
from motia.http.json_body import json_bytes

MEDIA_TYPE = b"text/event-stream"
CONTENT_TYPE = MEDIA_TYPE + b"; charset=utf-8"
KEEP_ALIVE = b": keep-alive\n\n"
"""A comment that clients ignore; whoever serves the stream sends it when nothing was sent for a while."""

_FRAME = re.compile(r"(?:data|event|id|retry|): ?.*\n\n\Z", re.DOTALL)
_FIELDS = frozenset({"data", "event", "id", "retry", "comment"})


def is_event(item: Any) -> bool:
    """Whether the item is an event object: attributes `data` and `event`, as well as `id` and `retry`."""
    return not isinstance(item, type) and hasattr(item, "data") and hasattr(item, "event")


def event_bytes(item: Any) -> bytes:
    """One event: of an event object, of a mapping of event fields with `data`, else of the item as data.

    Bytes, and text that already is a whole frame, go out as they are. Data that is no text is sent as JSON.
    Failure: `handler.bad_result` for an `event` or `id` of several lines or data that JSON cannot carry.
    """
    if isinstance(item, bytes | bytearray | memoryview):
        return bytes(item)
    if isinstance(item, str) and _FRAME.match(item):
        return item.encode()
    if is_event(item):
        fields: Mapping[str, Any] = {name: getattr(item, name, None) for name in _FIELDS}
    elif isinstance(item, Mapping) and "data" in item and item.keys() <= _FIELDS:
        fields = item
    else:
        fields = {"data": item}
    lines: list[str] = []
    comment = fields.get("comment")
    if comment is not None:
        lines.extend(f": {line}" for line in _lines(str(comment)))
    for name in ("event", "id"):
        value = fields.get(name)
        if value is None:
            continue
        text = str(value)
        if any(character in text for character in "\r\n\0"):
            raise bad_result(f"$.{name}", "one line", repr(text))
        lines.append(f"{name}: {text}")
    retry = fields.get("retry")
    if retry is not None:
        if isinstance(retry, bool) or not isinstance(retry, int):
            raise bad_result("$.retry", "milliseconds as an integer", repr(retry))
        lines.append(f"retry: {retry}")
    data = fields.get("data")
    if data is not None or (comment is None and not is_event(item)):
        text = data if isinstance(data, str) else json_bytes(data).decode()
        lines.extend(f"data: {line}" for line in _lines(text))
    return ("\n".join(lines) + "\n\n").encode()


def _lines(text: str) -> list[str]:
    # str.splitlines also cuts at characters that are ordinary text in the format.
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
