"""Items of realtime streams, what happens to them, and how that is written on the wire. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

ChangeKind = Literal["create", "update", "delete", "event"]
HIDDEN_FIELD = "__motia"
"""Where an item that a handler gets says which stream it belongs to; never stored."""


class StreamItem(NamedTuple):
    """One item of a group. `data` is JSON text; an object has its id as `id`."""

    id: str
    data: bytes
    version: int
    """Of its group when the item was last changed."""


class StreamSnapshot(NamedTuple):
    """Items of a group at one moment.

    A group that is forgotten, or never was, has a version that no group has again; at first 0.
    """

    version: int
    timestamp_ms: int
    items: list[StreamItem]


class LoggedChange(NamedTuple):
    """One line of the change log."""

    seq: int
    """Order of commits over all groups; with gaps."""
    stream: str
    group: str
    id: str | None
    """None for an event sent to a whole group."""
    kind: ChangeKind
    version: int | None
    """Of the group after the change: one more than before it. None for an event, which changes nothing."""
    timestamp_ms: int
    """Greater than every earlier one of its group: clients drop what is not newer."""
    data: bytes
    """JSON text: the item after the change; of a delete, the item that was; of an event, `{type, data}`."""


def with_id(value: Any, id_: str) -> Any:
    """The value as it is stored: an object carries its id, and nothing of ours beside it."""
    if not isinstance(value, Mapping):
        return value
    item = {key: field for key, field in value.items() if key != HIDDEN_FIELD}
    item["id"] = id_
    return item


def item_of_handler(stream: str, group: str, id_: str, value: Any) -> Any:
    """The item as a handler gets it: it says where it belongs, so that a page that gets it can follow it."""
    if not isinstance(value, dict):
        return value
    place = {"type": "state-stream", "streamName": stream, "groupId": group, "id": id_}
    return {**value, HIDDEN_FIELD: place}


def change_frame(
    stream: bytes,
    group: bytes,
    id_: bytes | None,
    kind: ChangeKind,
    version: int | None,
    timestamp_ms: int,
    data: bytes,
) -> bytes:
    """What subscribers and stream triggers get of a change. Names are JSON texts, as is `data`.

    Made by joining texts, so that a backend can build the same bytes inside the commit.
    """
    field = b'"event":' if kind == "event" else b'"data":'
    return frame_of(
        stream, group, id_, version, timestamp_ms, b'{"type":"%b",%b%b}' % (kind.encode(), field, data)
    )


def frame_of(
    stream: bytes, group: bytes, id_: bytes | None, version: int | None, timestamp_ms: int, event: bytes
) -> bytes:
    """The envelope of everything that is told about a group."""
    return b'{"type":"stream","timestamp":%d,"streamName":%b,"groupId":%b%b%b,"event":%b}' % (
        timestamp_ms,
        stream,
        group,
        b"" if id_ is None else b',"id":' + id_,
        b"" if version is None else b',"version":%d' % version,
        event,
    )
