"""Realtime streams as a handler sees them: `ctx.streams.<name>`, and `Stream` objects at module level."""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from motia import encoding
from motia.authoring.context import running_context
from motia.authoring.futures import mapped
from motia.authoring.stream_writer import StreamWriter
from motia.core.calls import StreamCalls, StreamWrite, StreamWritten
from motia.core.stream import StreamItem, item_of_handler
from motia.core.update import UpdateOperation
from motia.errors import HandlerError
from motia.state.operations import parse_operations

if TYPE_CHECKING:
    from motia.authoring.context import Context


class Streams:
    """All streams of the project, by name: `ctx.streams.chat`, `ctx.streams["chat-room"]`."""

    __slots__ = ("_context",)

    def __init__(self, context: Context) -> None:
        self._context = context

    def __getattr__(self, name: str) -> StreamHandle:
        if name.startswith("__"):
            raise AttributeError(name)
        return StreamHandle(name, self._context)

    def __getitem__(self, name: str) -> StreamHandle:
        return StreamHandle(name, self._context)

    def get(self, name: str, default: Any = None) -> StreamHandle:
        """The stream of that name, for code that treats the streams as a dict."""
        return StreamHandle(name, self._context)


class StreamHandle:
    """One stream. Items are JSON objects in groups; each has its `id`.

    *Order*: subscribers of a group are told of its changes in commit order. *Concurrency*: each item is
    linearizable, `update` is atomic over all nodes. *Failure*, of all: `HandlerError` `streams.unknown`;
    of writes `streams.invalid_item` where the item does not fit the stream's schema.
    """

    __slots__ = ("_given", "name")

    def __init__(self, name: str, context: Context | None = None) -> None:
        self.name = name
        self._given = context

    @property
    def _context(self) -> Context:
        return self._given if self._given is not None else running_context()

    def set(self, group_id: str, id: str, data: Any) -> Awaitable[Any]:
        """Store an item, and tell the subscribers; gives the item as stored."""
        if data is None or (not isinstance(data, Mapping) and isinstance(data, str | int | float | list)):
            raise HandlerError(
                f"stream {self.name}: expected an object as the item, got {type(data).__name__}",
                code="streams.invalid_item",
                hint=f'write ctx.streams.{self.name}.set(group, id, {{"text": "…"}})',
                retryable=False,
            )
        write = StreamWrite("put", self.name, group_id, id, data)
        return self._write(write, lambda written: self._item(group_id, id, written.new if written else None))

    def get(self, group_id: str, id: str) -> Awaitable[Any]:
        """The item, or None."""
        return self._read(
            lambda calls: calls.get(self.name, group_id, id), lambda item: self._decoded(group_id, item)
        )

    def delete(self, group_id: str, id: str) -> Awaitable[Any]:
        """Remove an item, and tell the subscribers; gives the item that was, or None."""
        return self._write(
            StreamWrite("delete", self.name, group_id, id),
            lambda written: self._item(group_id, id, written.old if written else None),
        )

    def get_group(self, group_id: str) -> Awaitable[builtins.list[Any]]:
        """All items of a group, in the order of their creation; [] when there are none."""
        return self._read(
            lambda calls: calls.group(self.name, group_id),
            lambda items: [self._decoded(group_id, item) for item in items],
        )

    getGroup = list = get_group

    def list_groups(self) -> Awaitable[builtins.list[str]]:
        """Names of the groups that hold something, sorted."""
        return self._read(lambda calls: calls.groups(self.name), lambda groups: groups)

    listGroups = list_groups

    def update(self, group_id: str, id: str, operations: Any) -> Awaitable[Any]:
        """Apply set, merge, increment, decrement, append, remove atomically; see `State.update`.

        Gives `{"old_value", "new_value", "version"}`; inside `ctx.atomic()` None.
        """
        parsed: Sequence[UpdateOperation] = parse_operations(operations)
        return self._write(
            StreamWrite("update", self.name, group_id, id, None, parsed),
            lambda written: None if written is None else self._changes(group_id, id, written),
        )

    def send(self, channel: Any, event: Mapping[str, Any]) -> Awaitable[None]:
        """Tell the subscribers of a group, or of one item, of an event `{"type", "data"}`; it is not kept.

        `channel` is a group, or `{"groupId": …, "id": …}`.
        """
        group, id_ = _channel(channel)
        return self._write(StreamWrite("send", self.name, group, id_, dict(event)), lambda written: None)

    def writer(
        self,
        group_id: str,
        id: str,
        *,
        field: str = "text",
        initial: Mapping[str, Any] | None = None,
        final: Mapping[str, Any] | None = None,
        resume: bool = False,
    ) -> StreamWriter:
        """Write a text piece by piece, as a language model gives it: `async with ….writer(g, id) as w`.

        Each `await w.append(piece)` reaches subscribers at once and is stored at most 0.2 s later, so that
        a page that is loaded again goes on where it was. The item begins as `initial` and gets `final` at
        the end. A handler that runs again begins the text anew; with `resume` it finds in `w.text` what
        was stored, and goes on from there.
        """
        return StreamWriter(self, str(group_id), str(id), field, initial or {}, final or {}, resume)

    def _decoded(self, group: str, item: StreamItem | None) -> Any:
        return None if item is None else self._item(group, item.id, encoding.decode(item.data))

    def _item(self, group: str, id_: str, data: Any) -> Any:
        return item_of_handler(self.name, str(group), str(id_), data)

    def _changes(self, group: str, id_: str, written: StreamWritten) -> dict[str, Any]:
        return {"old_value": written.old, "new_value": written.new, "version": written.version}

    def _read(
        self, read: Callable[[StreamCalls], asyncio.Future[Any]], then: Callable[[Any], Any]
    ) -> Awaitable[Any]:
        context = self._context
        return context._run(lambda: mapped(context._calls, read(context._calls.streams), then, reads=True))

    def _write(self, write: StreamWrite, then: Callable[[StreamWritten | None], Any]) -> Awaitable[Any]:
        context = self._context
        return context._run(lambda: mapped(context._calls, context._calls.streams.write(write), then))


class Stream(StreamHandle):
    """A stream, declared or only named: `chat = Stream({"name": "chat", "schema": …})`, `Stream("chat")`.

    Usable in every handler, like `ctx.streams.chat`. *Failure*: `HandlerError` `context.missing` outside.
    """

    __slots__ = ("config",)

    def __init__(self, config: Any) -> None:
        name = config if isinstance(config, str) else _field(config, "name")
        if not isinstance(name, str) or not name:
            raise TypeError(f"Stream: expected a name or a config with one, got {config!r}")
        super().__init__(name)
        self.config = None if isinstance(config, str) else config

    def __class_getitem__(cls, item: Any) -> type[Stream]:
        # `Stream[Todo]`, as annotations of Motia 1.x have it, is this class.
        return cls

    def __iter__(self) -> Iterator[Any]:
        raise TypeError(f"stream {self.name}: expected get_group(group_id), got an attempt to iterate")


def _field(config: Any, name: str) -> Any:
    return config.get(name) if isinstance(config, Mapping) else getattr(config, name, None)


def _channel(channel: Any) -> tuple[str, str | None]:
    if isinstance(channel, Mapping):
        group = channel.get("groupId", channel.get("group_id"))
        id_ = channel.get("id")
        return str(group) if group is not None else "", None if id_ is None else str(id_)
    if hasattr(channel, "group_id"):
        return str(channel.group_id), None if channel.id is None else str(channel.id)
    return str(channel), None
