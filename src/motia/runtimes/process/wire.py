"""What the node and a step's process say to each other: messages of JSON, each after its length.

Both ends are this very code. Only the classes listed here can be made from what arrives.
"""

from __future__ import annotations

import base64
import dataclasses
import struct
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from motia import errors
from motia.core.calls import EnqueueRequest, Part, StateWrite, StateWritten, StreamWrite, StreamWritten
from motia.core.invocation import Cancelled, Failed, RetryLater, Succeeded
from motia.core.message import BulkProgress, QueueName, StoredMessage, TraceContext
from motia.core.occurrence import ManualCall, Message, StateChange, StreamChange, Tick
from motia.core.state import StateEntry
from motia.core.stream import StreamItem
from motia.core.update import UpdateOperation
from motia.core.workflow import JournalEntry, RunId, RunSummary
from motia.errors import HandlerError, MotiaError

_CLASSES: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        *(EnqueueRequest, Part, StateWrite, StateWritten, StreamWrite, StreamWritten, UpdateOperation),
        *(StateEntry, StreamItem, StoredMessage, BulkProgress, QueueName, TraceContext),
        *(RunSummary, RunId, JournalEntry),
        *(Message, Tick, ManualCall, StateChange, StreamChange),
        *(Succeeded, Failed, RetryLater, Cancelled),
    )
}
_LENGTH = struct.Struct("!I")
_MARKS = ("$class", "$bytes", "$map", "$error")


def frame(message: Mapping[str, Any]) -> bytes:
    """The bytes of one message. Failure: `TypeError` for what cannot be sent."""
    text = orjson.dumps(_plain(message), option=orjson.OPT_NON_STR_KEYS)
    return _LENGTH.pack(len(text)) + text


class Frames:
    """Bytes in any pieces, as messages."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> Iterator[dict[str, Any]]:
        """The messages that are complete now, in order."""
        self._rest += data
        while len(self._rest) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._rest)
            end = _LENGTH.size + length
            if len(self._rest) < end:
                return
            text = bytes(self._rest[_LENGTH.size : end])
            del self._rest[:end]
            yield _made(orjson.loads(text), top=True)


def _plain(value: Any) -> Any:
    if isinstance(value, MotiaError):
        return {"$error": _error_fields(value)}
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    if dataclasses.is_dataclass(value) and type(value).__name__ in _CLASSES:
        fields = {
            field.name: _plain(getattr(value, field.name))
            for field in dataclasses.fields(value)
            if field.init
        }
        return {"$class": type(value).__name__, "fields": fields}
    if isinstance(value, tuple) and type(value).__name__ in _CLASSES:
        return {"$class": type(value).__name__, "fields": _plain(value._asdict())}  # type: ignore[attr-defined]
    if isinstance(value, Mapping):
        plain = {key: _plain(item) for key, item in value.items()}
        return {"$map": plain} if any(mark in plain for mark in _MARKS) else plain
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _made(value: Any, *, top: bool = False) -> Any:
    if type(value) is list:
        return [_made(item) for item in value]
    if type(value) is not dict:
        return value
    if not top:
        if "$class" in value:
            fields = {name: _made(item) for name, item in value["fields"].items()}
            if "path" in fields and isinstance(fields["path"], list):
                fields["path"] = tuple(fields["path"])
            return _CLASSES[value["$class"]](**fields)
        if "$bytes" in value:
            return base64.b64decode(value["$bytes"])
        if "$error" in value:
            return _error_of(value["$error"])
        if "$map" in value:
            value = value["$map"]
    return {key: _made(item) for key, item in value.items()}


def _error_fields(error: MotiaError) -> dict[str, Any]:
    fields = {
        "class": type(error).__name__,
        "message": error.message,
        "code": error.code,
        "hint": error.hint,
        "retryable": error.retryable,
        "status": error.http_status,
        "guard": getattr(error, "guard", ""),
        "type_name": getattr(error, "type_name", ""),
        "stack": getattr(error, "stack", ""),
    }
    try:
        fields["details"] = _plain(dict(error.details))
        orjson.dumps(fields["details"])
    except TypeError:
        fields["details"] = {}
    return fields


def _error_of(fields: Mapping[str, Any]) -> MotiaError:
    """An error of the same class, so that `except` on the other side means the same."""
    kind = getattr(errors, str(fields["class"]), HandlerError)
    common = {"code": fields["code"], "details": _made(fields["details"]), "hint": fields["hint"]}
    if kind is errors.ConflictError:
        return errors.ConflictError(fields["message"], code=fields["code"], guard=fields["guard"])
    if kind is errors.InputError:
        return errors.InputError(fields["message"], status=fields["status"], **common)
    if kind is errors.AccessError:
        return errors.AccessError(fields["message"], **common)
    if kind is errors.DefinitionError or not (isinstance(kind, type) and issubclass(kind, MotiaError)):
        kind = HandlerError
    if kind is HandlerError:
        return HandlerError(
            fields["message"],
            type_name=fields["type_name"] or str(fields["class"]),
            stack=fields["stack"],
            retryable=fields["retryable"],
            **common,
        )
    made: MotiaError = kind(fields["message"], retryable=fields["retryable"], **common)
    made.stack = fields["stack"]  # type: ignore[attr-defined]  # as the runtime notes it
    return made
