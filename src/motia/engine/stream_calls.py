"""One execution's side of the streams: its reads and writes, guarded and in order like those of state."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from motia import encoding
from motia.core.batch import (
    ChangeDelivery,
    Guard,
    StreamDelete,
    StreamPut,
    StreamResult,
    StreamSend,
    StreamUpdate,
    StreamVersion,
    StreamWriteOperation,
)
from motia.core.calls import StreamWrite, StreamWritten
from motia.core.message import TraceContext
from motia.core.stream import StreamItem, with_id
from motia.engine.turns import Turns
from motia.errors import HandlerError, InputError
from motia.streams.changes import updated
from motia.streams.messages import delta_event

if TYPE_CHECKING:
    from motia.engine.engine import Engine
    from motia.engine.execution import Execution

Place = tuple[str, str, str]


class ExecutionStreams:
    """`core.calls.StreamCalls` of one execution."""

    __slots__ = ("_engine", "_execution")

    def __init__(self, engine: Engine, execution: Execution) -> None:
        self._engine = engine
        self._execution = execution

    def get(self, stream: str, group: str, id: str) -> asyncio.Future[StreamItem | None]:
        place = self._known(stream), _text(group, "group"), _text(id, "id")
        execution = self._execution
        if execution._write_set is not None:
            return execution.begin(execution._write_set.streams.get(self._engine, place))
        if (write := execution._unfinished_write()) is not None:
            return execution.begin(self._get_after(write, place))
        return self._engine.backend.streams.get(*place)

    async def _get_after(self, write: asyncio.Future[Any], place: Place) -> StreamItem | None:
        await asyncio.wait([write])
        return await self._engine.backend.streams.get(*place)

    def group(self, stream: str, group: str) -> asyncio.Future[list[StreamItem]]:
        execution = self._execution
        place = self._known(stream), _text(group, "group")
        if execution._write_set is not None:
            return execution.begin(execution._write_set.streams.group(self._engine, *place))
        return execution.begin(self._group(execution._unfinished_write(), *place))

    async def _group(self, write: asyncio.Future[Any] | None, stream: str, group: str) -> list[StreamItem]:
        if write is not None:
            await asyncio.wait([write])
        return (await self._engine.backend.streams.snapshot(stream, group)).items

    def groups(self, stream: str) -> asyncio.Future[list[str]]:
        return self._execution.begin(self._groups(self._execution._unfinished_write(), self._known(stream)))

    async def _groups(self, write: asyncio.Future[Any] | None, stream: str) -> list[str]:
        if write is not None:
            await asyncio.wait([write])
        return await self._engine.backend.streams.groups(stream)

    def write(self, write: StreamWrite) -> asyncio.Future[StreamWritten | None]:
        execution = self._execution
        operation = self._operation(write)
        if execution._write_set is not None:
            execution._write_set.operations.append(operation)
            return execution.begin(execution._write_set.streams.note(self._engine, operation))
        return execution.commit([operation], (), _written)

    def tell_delta(self, stream: str, group: str, id: str, path: str, offset: int, text: str) -> None:
        self._engine.streams.tell_delta(stream, group, id, delta_event(path, offset, text))

    def _known(self, stream: str) -> str:
        self._engine.streams.definition(stream)
        return stream

    def _operation(self, write: StreamWrite) -> StreamWriteOperation:
        engine = self._engine
        stream, group = self._known(write.stream), _text(write.group, "group")
        id_ = None if write.kind == "send" and write.id is None else _text(write.id, "id")
        now_ms = engine.clock.now_ms()
        deliveries = self._deliveries(stream, group, id_)
        if write.kind == "send":
            return StreamSend(
                stream=stream,
                group=group,
                id=id_,
                event=encoding.encode_kept(_event(write.data)),
                now_ms=now_ms,
                deliveries=deliveries,
            )
        assert id_ is not None
        if write.kind == "delete":
            return StreamDelete(stream=stream, group=group, id=id_, now_ms=now_ms, deliveries=deliveries)
        check = self._check(stream)
        if write.kind == "put":
            data = write.data
            if check is not None or not isinstance(data, Mapping):
                data = encoding.decode(encoding.encode_kept(data))
            item = with_id(data, id_)
            return StreamPut(
                stream=stream,
                group=group,
                id=id_,
                data=encoding.encode_kept(item if check is None else check(item)),
                now_ms=now_ms,
                deliveries=deliveries,
            )
        return StreamUpdate(
            stream=stream,
            group=group,
            id=id_,
            operations=write.operations,
            now_ms=now_ms,
            check=check,
            deliveries=deliveries,
        )

    def _check(self, stream: str) -> Callable[[Any], Any] | None:
        schema = self._engine.streams.schema(stream)
        if schema is None:
            return None

        def check(item: Any) -> Any:
            try:
                return schema.validate(item, f"item of stream {stream}")
            except InputError as error:
                raise HandlerError(
                    f"stream {stream}: {error.message}",
                    code="streams.invalid_item",
                    details=error.details,
                    hint="change what the step writes, or the stream's schema",
                    retryable=False,
                ) from error

        return check

    def _deliveries(self, stream: str, group: str, id_: str | None) -> Sequence[ChangeDelivery]:
        queues = self._engine.streams.queues_watching(stream, group, id_)
        if not queues:
            return ()
        trace = self._execution.invocation.trace
        onward = TraceContext(trace.trace_id, trace.span_id, trace.hops + 1)
        return [ChangeDelivery(name, self._engine.ids.message_id(), onward) for name in queues]


class StreamBuffer:
    """The stream writes that `atomic` keeps back, as the reads inside it see them."""

    def __init__(self, turns: Turns, guards: list[Guard]) -> None:
        self._turns = turns
        self._guards = guards
        self._seen: dict[Place, bytes | None] = {}

    def get(self, engine: Engine, place: Place) -> Coroutine[Any, Any, StreamItem | None]:
        """What the item would be; a first read of the store becomes a guard."""
        return self._turns.take(lambda: self._get(engine, place))

    async def _get(self, engine: Engine, place: Place) -> StreamItem | None:
        if place not in self._seen:
            item = await engine.backend.streams.get(*place)
            self._guards.append(StreamVersion(*place, item.version if item else 0))
            self._seen[place] = None if item is None else item.data
        data = self._seen[place]
        return None if data is None else StreamItem(place[2], data, 0)

    def group(self, engine: Engine, stream: str, group: str) -> Coroutine[Any, Any, list[StreamItem]]:
        """What the items of the group would be."""
        return self._turns.take(lambda: self._group(engine, stream, group))

    async def _group(self, engine: Engine, stream: str, group: str) -> list[StreamItem]:
        snapshot = await engine.backend.streams.snapshot(stream, group)
        items = {item.id: item for item in snapshot.items}
        for (of_stream, of_group, id_), data in self._seen.items():
            if (of_stream, of_group) != (stream, group):
                continue
            if data is None:
                items.pop(id_, None)
            else:
                items[id_] = StreamItem(id_, data, 0)
        return list(items.values())

    def note(
        self, engine: Engine, operation: StreamWriteOperation
    ) -> Coroutine[Any, Any, StreamWritten | None]:
        """Remember what the write leaves, for the reads that follow."""
        return self._turns.take(lambda: self._note(engine, operation))

    async def _note(self, engine: Engine, operation: StreamWriteOperation) -> StreamWritten | None:
        if isinstance(operation, StreamSend):
            return None
        place = (operation.stream, operation.group, operation.id)
        if isinstance(operation, StreamPut):
            self._seen[place] = operation.data
            return StreamWritten(None, encoding.decode(operation.data), 0)
        if place in self._seen:
            before = self._seen[place]
        else:
            # No guard: the commit applies the operation to whatever it finds.
            item = await engine.backend.streams.get(*place)
            before = None if item is None else item.data
        if isinstance(operation, StreamDelete):
            self._seen[place] = None
            return StreamWritten(None if before is None else encoding.decode(before), None, 0)
        self._seen[place] = updated(operation, before)
        return None


def _written(results: list[Any]) -> StreamWritten | None:
    result = results[0]
    if not isinstance(result, StreamResult):
        return None
    return StreamWritten(
        None if result.old is None else encoding.decode(result.old),
        None if result.new is None else encoding.decode(result.new),
        result.version,
    )


def _event(data: Any) -> dict[str, Any]:
    if isinstance(data, dict) and isinstance(data.get("type"), str):
        return {"type": data["type"], "data": data.get("data")}
    raise HandlerError(
        f"stream send: expected an event with a type, got {type(data).__name__}",
        code="streams.bad_event",
        hint='write ctx.streams.<name>.send({"groupId": …}, {"type": "…", "data": …})',
        retryable=False,
    )


def _text(value: Any, what: str) -> str:
    if isinstance(value, str) and value:
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise HandlerError(
        f"stream: expected a text as {what}, got {value!r}",
        code="streams.bad_name",
        hint="write ctx.streams.<name>.set(group, id, item)",
        retryable=False,
    )
