"""What a handler in another language asks of the streams, through `StreamCalls`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from motia.core.calls import Calls, StreamWrite, StreamWritten
from motia.core.stream import StreamItem, item_of_handler
from motia.encoding import decode, encode
from motia.runtimes.worker.values import wire_text
from motia.state.operations import parse_operations

Begun = tuple[asyncio.Future[Any], Callable[[Any], bytes]]


class WorkerStreamCalls:
    """The `stream.*` operations of one execution. Each gives a future and how its result is written."""

    __slots__ = ("_calls", "_doubles")

    def __init__(self, calls: Calls, *, doubles: bool) -> None:
        self._calls = calls
        self._doubles = doubles

    def read(self, read: dict[str, Any]) -> Begun | None:
        """Begin a read; None if it is none of streams."""
        operation, streams = read["op"], self._calls.streams
        if operation == "stream.get":
            stream, group, id_ = read["stream"], read["group"], read["id"]

            def one(item: StreamItem | None) -> bytes:
                return b'{"item":%b}' % self._item(stream, group, id_, None if item is None else item.data)

            return streams.get(stream, group, id_), one
        if operation == "stream.group":
            stream, group = read["stream"], read["group"]

            def all_of_them(items: Sequence[StreamItem]) -> bytes:
                texts = (self._item(stream, group, item.id, item.data) for item in items)
                return b'{"items":[%b]}' % b",".join(texts)

            return streams.group(stream, group), all_of_them
        if operation == "stream.groups":
            return streams.groups(read["stream"]), lambda groups: b'{"groups":%b}' % encode(groups)
        return None

    def write(self, operation: dict[str, Any]) -> Begun | None:
        """Begin a write; None if it is none of streams."""
        kind, streams = operation["op"], self._calls.streams
        if not kind.startswith("stream."):
            return None
        stream, group = operation["stream"], operation["group"]
        if kind == "stream.send":
            write = StreamWrite("send", stream, group, operation.get("id"), operation["event"])
            return streams.write(write), lambda written: b"{}"
        id_ = operation["id"]

        def item(value: Any) -> bytes:
            return self._text(item_of_handler(stream, group, id_, value))

        if kind == "stream.set":
            write = StreamWrite("put", stream, group, id_, operation["data"])
            return streams.write(write), lambda written: item(written.new if written else None)
        if kind == "stream.delete":
            write = StreamWrite("delete", stream, group, id_)
            return streams.write(
                write
            ), lambda written: b'{"old":%b}' % item(written.old if written else None)
        if kind == "stream.update":
            write = StreamWrite("update", stream, group, id_, None, parse_operations(operation["operations"]))
            return streams.write(write), self._changes
        return None

    def _changes(self, written: StreamWritten | None) -> bytes:
        if written is None:
            return b"null"
        old, new = self._text(written.old), self._text(written.new)
        return b'{"old":%b,"new":%b,"version":%d}' % (old, new, written.version)

    def _item(self, stream: str, group: str, id_: str, data: bytes | None) -> bytes:
        value = None if data is None else decode(data)
        return self._text(item_of_handler(stream, group, id_, value))

    def _text(self, value: Any) -> bytes:
        return wire_text(value, doubles=self._doubles)
