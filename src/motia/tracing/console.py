"""Log lines for a terminal, or as JSON for what collects them.

One record is one line, whatever it holds; for a person the stack of a failure follows it, indented.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from typing import TextIO

import orjson

from motia.tracing.lone import LoneSpans
from motia.tracing.packing import PackedLog
from motia.tracing.record import LEVELS, Level, LogRecord, SpanRecord

_COLOURS = {"debug": "2", "info": "36", "warning": "33", "error": "31", "critical": "1;31"}
# Controls, line separators of Unicode, and marks that reorder text: all may forge or hide a line.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_BARE = re.compile(r"[^\s\"=]+")


class ConsolePrinter:
    """A `RecordSink` that prints log lines of `level` and worse; spans are not printed.

    Readable: `12:01:02.345 [info] create-user message key=value trace_id=…`, times in `zone` (None = local).
    `json_lines`: one object a line with time (UTC), level, step, trace_id, span_id, message, data.
    """

    name = "console"

    def __init__(
        self,
        stream: TextIO,
        *,
        json_lines: bool = False,
        colour: bool = False,
        level: Level = "debug",
        zone: tzinfo | None = None,
    ) -> None:
        self._stream = stream
        self._json_lines = json_lines
        self._colour = colour and not json_lines
        self._level = LEVELS[level]
        self._zone = zone

    def open(self) -> None:
        """Nothing to open: the stream is the caller's, and stays it."""

    def close(self) -> None:
        self._stream.flush()

    def write(
        self, spans: Sequence[SpanRecord], logs: Sequence[PackedLog], lone: Sequence[LoneSpans] = ()
    ) -> None:
        lines = [
            json_line(log.record) if self._json_lines else readable_line(log.record, self._zone, self._colour)
            for log in logs
            if LEVELS[log.record.level] >= self._level
        ]
        if lines:
            text = "\n".join([*lines, ""])
            encoding = self._stream.encoding or "utf-8"
            self._stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
            self._stream.flush()


def readable_line(record: LogRecord, zone: tzinfo | None = None, colour: bool = False) -> str:
    """One line for a person, without its line end, and below it the stack, if the record has one."""
    at = datetime.fromtimestamp(record.at_ms / 1000, UTC).astimezone(zone)
    time = at.isoformat(timespec="milliseconds")[11:23]
    level = f"[{record.level}]"
    if colour:
        time, level = f"\x1b[2m{time}\x1b[0m", f"\x1b[{_COLOURS[record.level]}m{level}\x1b[0m"
    parts = [time, level, escape(record.step), escape(record.message)]
    stack = ""
    if record.data is not None:
        data = orjson.loads(record.data)
        fields = data if isinstance(data, dict) else {"data": data}
        for holder in (fields, fields.get("error")):
            if isinstance(holder, dict) and isinstance(holder.get("stack"), str):
                stack = holder.pop("stack")
        parts.extend(f"{escape(str(name))}={_shown(value)}" for name, value in fields.items())
    if record.trace_id:
        # Whole: ids of one minute begin alike, and an answer's problem document is found by it.
        trace = f"trace_id={record.trace_id}"
        parts.append(f"\x1b[2m{trace}\x1b[0m" if colour else trace)
    # Every line of the stack begins with spaces: none can pass for a record.
    return "\n".join([" ".join(parts), *(f"    {escape(line)}" for line in stack.splitlines())])


def escape(text: str) -> str:
    """`text` on one line and without anything that a terminal would obey."""
    return _UNPRINTABLE.sub(_escape_one, text)


def _escape_one(match: re.Match[str]) -> str:
    character = match[0]
    code = ord(character)
    return _ESCAPES.get(character) or (f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}")


def _shown(value: object) -> str:
    if isinstance(value, str) and _BARE.fullmatch(value):
        return escape(value)
    return escape(orjson.dumps(value).decode())


def json_line(record: LogRecord) -> str:
    """One JSON object for a machine, without its line end."""
    at = datetime.fromtimestamp(record.at_ms / 1000, UTC)
    line: dict[str, object] = {
        "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": record.level,
        "step": record.step,
        "trace_id": record.trace_id,
        "span_id": record.span_id,
        "message": record.message,
    }
    if record.data is not None:
        line["data"] = orjson.Fragment(record.data)
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", orjson.dumps(line).decode())
