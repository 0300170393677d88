"""Realtime streams: what they hold, and editing it. A change here is told to subscribers as any other."""

from __future__ import annotations

from typing import Any

from motia import encoding
from motia.core.batch import Batch, ChangeDelivery, StreamDelete, StreamPut
from motia.core.message import TraceContext
from motia.core.step import StreamDefinition
from motia.core.stream import StreamItem, with_id
from motia.http.router import Route
from motia.workbench.api.documents import plain_schema
from motia.workbench.request import ApiRequest, Handler, page_of, unknown
from motia.workbench.workspace import Workspace


def routes(workspace: Workspace) -> list[Route[Handler]]:
    """`/streams…`."""
    engine = workspace.engine
    store = engine.backend.streams

    async def streams(_: ApiRequest) -> Any:
        return page_of([_stream_document(stream) for stream in workspace.registry.streams.values()])

    async def groups(request: ApiRequest) -> Any:
        name = _known(workspace, request)
        limit = request.limit
        found = await store.groups(name, limit=limit + 1, after=request.text("cursor"))
        rows = found[:limit]
        items = [
            {"group_id": group, "items": len((await store.snapshot(name, group)).items)} for group in rows
        ]
        return page_of(items, rows[-1] if len(found) > limit else None)

    async def group(request: ApiRequest) -> Any:
        name = _known(workspace, request)
        snapshot = await store.snapshot(name, request.params["group"])
        start = request.whole("cursor") or 0
        rows = snapshot.items[start : start + request.limit]
        following = start + len(rows)
        items = [_item_document(item) for item in rows]
        return page_of(items, following if following < len(snapshot.items) else None)

    async def put(request: ApiRequest) -> Any:
        name, group_id, id_ = _place(workspace, request)
        item = with_id(request.fields("data")["data"], id_)
        schema = engine.streams.schema(name)
        operation = StreamPut(
            stream=name,
            group=group_id,
            id=id_,
            data=encoding.encode(item if schema is None else schema.validate(item, f"item of stream {name}")),
            now_ms=workspace.now_ms(),
            deliveries=_deliveries(workspace, name, group_id, id_),
        )
        await engine.backend.commit(Batch([operation]))
        request.acted_on("stream.put", stream=name, group=group_id, id=id_)
        stored = await store.get(name, group_id, id_)
        if stored is None:
            raise unknown("stream item", f"{name}/{group_id}/{id_}", "streams.unknown_item")
        return _item_document(stored)

    async def delete(request: ApiRequest) -> None:
        name, group_id, id_ = _place(workspace, request)
        operation = StreamDelete(
            stream=name,
            group=group_id,
            id=id_,
            now_ms=workspace.now_ms(),
            deliveries=_deliveries(workspace, name, group_id, id_),
        )
        (result,) = await engine.backend.commit(Batch([operation]))
        if result.old is None:
            raise unknown("stream item", f"{name}/{group_id}/{id_}", "streams.unknown_item")
        request.acted_on("stream.delete", stream=name, group=group_id, id=id_)

    return [
        Route("GET", "/streams", streams),
        Route("GET", "/streams/:name/groups", groups),
        Route("GET", "/streams/:name/groups/:group", group),
        Route("PUT", "/streams/:name/groups/:group/:id", put),
        Route("DELETE", "/streams/:name/groups/:group/:id", delete),
    ]


def _stream_document(stream: StreamDefinition) -> dict[str, Any]:
    return {
        "name": stream.name,
        "path": stream.source.path,
        "line": stream.source.line,
        "description": stream.description,
        "schema": plain_schema(stream.schema),
        "access": stream.can_access is not None or stream.join_roles is not None,
    }


def _item_document(item: StreamItem) -> dict[str, Any]:
    return {"id": item.id, "data": encoding.decode(item.data), "version": item.version}


def _known(workspace: Workspace, request: ApiRequest) -> str:
    name = request.params["name"]
    if name not in workspace.registry.streams:
        raise unknown("stream", name, "streams.unknown")
    return name


def _place(workspace: Workspace, request: ApiRequest) -> tuple[str, str, str]:
    return _known(workspace, request), request.params["group"], request.params["id"]


def _deliveries(workspace: Workspace, stream: str, group: str, id_: str) -> list[ChangeDelivery]:
    engine = workspace.engine
    queues = engine.streams.queues_watching(stream, group, id_)
    if not queues:
        return []
    trace = TraceContext(engine.ids.trace_id(), "", 0)
    return [ChangeDelivery(queue, engine.ids.message_id(), trace) for queue in queues]
