"""From a record to what is kept of it: described, redacted, capped; and the JSON row it is kept as."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from motia.tracing.describe import snapshot
from motia.tracing.record import Identifiers, LogRecord, SpanRecord
from motia.tracing.redaction import Redactor

_MAX_REDACTED_BYTES = 1024 * 1024
"""Of larger data only the size is kept: redacting them would cost more than they tell."""


class PackedLog(NamedTuple):
    """A line ready to be kept or printed: `record` holds no secret, `data` is its row."""

    record: LogRecord
    data: bytes


class Packer:
    """Packs records. `payload_bytes` is the most that is kept of one value, message or stack."""

    def __init__(self, redactor: Redactor, *, payload_bytes: int = 8192) -> None:
        self._redactor = redactor
        self._payload_bytes = payload_bytes

    def span(self, record: SpanRecord) -> SpanRecord:
        """The span, ready to be kept. Never raises for what its attributes hold."""
        attributes = record.attributes
        if record.error is None and (attributes is None or type(attributes) is Identifiers):
            # Ids, names of the author's and numbers: there is nothing to take out.
            return record
        data = _try_pack_span(record)
        if data is None or len(data) > self._payload_bytes or self._redactor.suspicious(data.decode()):
            return record._replace(error=self._clean(record.error), attributes=self._clean(attributes))
        return record

    def log(self, record: LogRecord) -> PackedLog:
        """The line, packed."""
        message = self._redactor.text(_encodable(self._head(record.message)))
        data = record.data
        if data is not None and (len(data) > self._payload_bytes or self._redactor.suspicious(data.decode())):
            data = orjson.dumps(self._clean_json(data))
        if message != record.message or data is not record.data:
            record = record._replace(message=message, data=data)
        return PackedLog(record, _pack_log(record))

    def _clean(self, fields: Mapping[str, Any] | None) -> dict[str, Any] | None:
        if fields is None:
            return None
        # A name may be what makes a value secret, so that each is cleaned together with its name.
        return {
            str(name): self._clean_json(value if isinstance(value, bytes) else snapshot(value), str(name))
            for name, value in fields.items()
        }

    def _clean_json(self, text: bytes, name: str | None = None) -> Any:
        if len(text) > _MAX_REDACTED_BYTES:
            return {"$truncated_bytes": len(text)}
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError:
            value = text.decode("utf-8", "replace")
        if name is not None:
            value = self._redactor.value({name: value})
            value = next(iter(value.values()))
        elif self._redactor.suspicious(text.decode("utf-8", "replace")):
            value = self._redactor.value(value)
        if len(text) <= self._payload_bytes:
            return value
        if isinstance(value, str):
            return self._head(value)
        head = orjson.dumps(value)[: self._payload_bytes].decode("utf-8", "ignore")
        return {"$truncated_bytes": len(text), "head": head}

    def _head(self, text: str) -> str:
        limit = max(self._payload_bytes, 256)
        return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"


def pack_span(record: SpanRecord) -> bytes:
    """The row of a span that went through a `Packer`."""
    return orjson.dumps(record[1:])


def pack_spans(records: Sequence[SpanRecord]) -> bytes:
    """One row for several spans of a trace, which went through a `Packer`."""
    return orjson.dumps([record[1:] for record in records])


def unpack_spans(trace_id: str, data: bytes) -> list[SpanRecord]:
    """The spans of a row of several."""
    return [SpanRecord(trace_id, *fields) for fields in orjson.loads(data)]


def unpack_span(trace_id: str, data: bytes) -> SpanRecord:
    """The span of a row."""
    return SpanRecord(trace_id, *orjson.loads(data))


def unpack_log(trace_id: str, data: bytes) -> LogRecord:
    """The line of a row."""
    span_id, step, at_ms, level, message, payload = orjson.loads(data)
    kept = None if payload is None else orjson.dumps(payload)
    return LogRecord(trace_id, span_id, step, at_ms, level, message, kept)


def _try_pack_span(record: SpanRecord) -> bytes | None:
    """The row, or None where a field needs a closer look: JSON texts, objects, odd text."""
    try:
        return pack_span(record)
    except TypeError:
        return None


def _pack_log(record: LogRecord) -> bytes:
    data = record.data
    return orjson.dumps((*record[1:6], None if data is None else orjson.Fragment(data)))


def _encodable(text: str) -> str:
    """Lone surrogates, which UTF-8 cannot carry, are spelled out."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
