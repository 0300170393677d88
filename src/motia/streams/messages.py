"""The frames of the wire: what clients may send, and what they are told. Pure; names as published clients
know them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from motia import encoding
from motia.core.stream import LoggedChange, StreamItem, change_frame, frame_of
from motia.errors import InputError

ACCESS_DENIED = "STREAM_ACCESS_DENIED"
BAD_MESSAGE = "STREAM_BAD_MESSAGE"
LIMIT_REACHED = "STREAM_LIMIT_REACHED"
UNAVAILABLE = "STREAM_UNAVAILABLE"
_MAX_NAME_CHARS = 1024
_RESUMABLE_MAX = 2**53


class BadMessage(Exception):
    """What a client sent makes no sense; the text may be told to it."""


@dataclass(frozen=True, slots=True)
class Join:
    """A client wants to follow a group, or one item of it."""

    stream: str
    group: str
    id: str | None
    subscription: str
    since: int | None = None
    """The version the client has: it gets what it missed after it instead of everything."""
    extended: bool = False
    """The client named a version, or null: it gets `sync` of what does not exist, `resumed`, and deltas."""


@dataclass(frozen=True, slots=True)
class Leave:
    """A client has enough."""

    stream: str
    group: str
    id: str | None
    subscription: str


@dataclass(frozen=True, slots=True)
class Ping:
    """A client asks for a sign of life."""

    timestamp: Any


def parse_message(text: bytes) -> Join | Leave | Ping:
    """What a frame of a client asks for. Failure: `BadMessage`."""
    try:
        message = encoding.decode(text)
    except InputError as error:
        raise BadMessage(error.message) from error
    if not isinstance(message, dict):
        raise BadMessage("expected a JSON object")
    kind = message.get("type")
    if kind == "ping":
        timestamp = message.get("timestamp")
        return Ping(timestamp if isinstance(timestamp, int | float | str) else None)
    if kind not in ("join", "leave"):
        raise BadMessage("expected the type join, leave or ping")
    data = message.get("data")
    if not isinstance(data, dict):
        raise BadMessage("expected `data` with streamName and groupId")
    stream, group = _name(data, "streamName"), _name(data, "groupId")
    id_ = _name(data, "id") if data.get("id") is not None else None
    subscription = _name(data, "subscriptionId") if data.get("subscriptionId") is not None else ""
    if kind == "leave":
        return Leave(stream, group, id_, subscription)
    version = data.get("version")
    if version is not None and (type(version) is not int or not 0 <= version < _RESUMABLE_MAX):
        raise BadMessage("version: expected a version, or null")
    return Join(stream, group, id_, subscription, version, "version" in data)


def _name(data: dict[str, Any], key: str) -> str:
    value = data.get(key)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value:
        raise BadMessage(f"{key}: expected a text that is not empty")
    if len(value) > _MAX_NAME_CHARS:
        raise BadMessage(f"{key}: expected at most {_MAX_NAME_CHARS} characters")
    return value


class Frame:
    """One frame that is told to many: its bytes are made once for each kind of connection."""

    __slots__ = ("_sse", "_websocket", "id", "text", "version")

    def __init__(self, text: bytes, version: int | None = None, id: str | None = None) -> None:
        self.text = text
        self.version = version
        self.id = id
        self._websocket: bytes | None = None
        self._sse: bytes | None = None

    @property
    def frames(self) -> Sequence[Frame]:
        """Itself: a frame is a burst of one."""
        return (self,)

    @property
    def websocket(self) -> bytes:
        """As one WebSocket text frame of a server."""
        if self._websocket is None:
            self._websocket = text_frame(self.text)
        return self._websocket

    @property
    def sse(self) -> bytes:
        """As one server-sent event; its id is the version, for `Last-Event-ID`."""
        if self._sse is None:
            id_line = b"" if self.version is None else b"id: %d\n" % self.version
            self._sse = b"%bdata: %b\n\n" % (id_line, self.text)
        return self._sse


class Burst:
    """Frames that are told together, one after the other in one write."""

    __slots__ = ("_sse", "_websocket", "frames")

    def __init__(self, frames: Sequence[Frame]) -> None:
        self.frames = frames
        self._websocket: bytes | None = None
        self._sse: bytes | None = None

    @property
    def websocket(self) -> bytes:
        if self._websocket is None:
            self._websocket = b"".join([frame.websocket for frame in self.frames])
        return self._websocket

    @property
    def sse(self) -> bytes:
        if self._sse is None:
            self._sse = b"".join([frame.sse for frame in self.frames])
        return self._sse


def text_frame(payload: bytes) -> bytes:
    """An unmasked, final WebSocket text frame (RFC 6455, 5.2)."""
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 0x10000:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


class Envelope:
    """Makes the frames of one group: its names are encoded once."""

    __slots__ = ("_group", "_stream")

    def __init__(self, stream: str, group: str) -> None:
        self._stream = encoding.encode(stream)
        self._group = encoding.encode(group)

    def change(self, change: LoggedChange) -> Frame:
        id_ = None if change.id is None else encoding.encode(change.id)
        text = change_frame(
            self._stream, self._group, id_, change.kind, change.version, change.timestamp_ms, change.data
        )
        return Frame(text, change.version, change.id)

    def sync_group(self, items: Sequence[StreamItem], version: int, timestamp_ms: int) -> Frame:
        data = b",".join([item.data for item in items])
        return self._sync(None, b"[%b]" % data, version, timestamp_ms)

    def sync_item(self, id: str, item: StreamItem | None, version: int, timestamp_ms: int) -> Frame:
        return self._sync(id, b"null" if item is None else item.data, version, timestamp_ms)

    def _sync(self, id: str | None, data: bytes, version: int, timestamp_ms: int) -> Frame:
        return self.own(b'{"type":"sync","data":%b}' % data, timestamp_ms, id, version)

    def own(
        self, event: bytes, timestamp_ms: int, id: str | None = None, version: int | None = None
    ) -> Frame:
        """A frame of an event that is in no log."""
        id_ = None if id is None else encoding.encode(id)
        return Frame(frame_of(self._stream, self._group, id_, version, timestamp_ms, event), version, id)

    def error(self, code: str, message: str, timestamp_ms: int, id: str | None = None) -> Frame:
        data = encoding.encode({"type": "error", "data": {"code": code, "message": message}})
        return self.own(b'{"type":"event","event":%b}' % data, timestamp_ms, id)


def pong(ping: Ping) -> Frame:
    """The answer to a ping, with the client's own timestamp."""
    return Frame(encoding.encode({"type": "pong", "timestamp": ping.timestamp}))


RESUMED = b'{"type":"resumed"}'


def delta_event(path: str, offset: int, text: str) -> bytes:
    """A piece of a growing text: `offset` counts UTF-16 code units, as JavaScript's `length` does."""
    return b'{"type":"delta","path":%b,"offset":%d,"data":%b}' % (
        encoding.encode(path),
        offset,
        encoding.encode(text),
    )
