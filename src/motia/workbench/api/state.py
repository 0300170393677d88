"""State: browse, search, edit, delete. An edit runs state triggers, as one of a step would."""

from __future__ import annotations

from typing import Any

from motia import encoding
from motia.core.batch import Batch, ChangeDelivery, StateClear, StateDelete, StatePut, StateVersion
from motia.core.message import TraceContext
from motia.core.state import StateEntry
from motia.errors import ConflictError, InputError
from motia.http.router import Route
from motia.workbench.request import ApiRequest, Handler, invalid, page_of, unknown
from motia.workbench.workspace import Workspace

_PAGE = 1000
_MOST_LOOKED_AT = 20_000
_TYPES = {dict: "object", list: "array", str: "string", bool: "boolean", int: "number", float: "number"}


def routes(workspace: Workspace) -> list[Route[Handler]]:
    """`/states…`."""
    backend = workspace.engine.backend

    async def scopes(request: ApiRequest) -> Any:
        search = (request.text("search") or "").lower()
        found: list[str] = []
        after = request.text("cursor")
        looked_at = 0
        while len(found) <= request.limit and looked_at < _MOST_LOOKED_AT:
            page = await backend.state.scopes(workspace.now_ms(), limit=_PAGE, after=after)
            found += [scope for scope in page if search in scope.lower()]
            looked_at += len(page)
            if len(page) < _PAGE:
                break
            after = page[-1]
        rows = found[: request.limit]
        more = len(found) > request.limit
        return page_of([{"scope": scope} for scope in rows], rows[-1] if more else None)

    async def entries(request: ApiRequest) -> Any:
        scope = request.params["scope"]
        search = (request.text("search") or "").lower()
        found: list[dict[str, Any]] = []
        after = request.text("cursor")
        looked_at = 0
        while len(found) <= request.limit and looked_at < _MOST_LOOKED_AT:
            page = await backend.state.entries(scope, workspace.now_ms(), limit=_PAGE, after_key=after)
            found += [item_document(scope, entry) for entry in page if _fits(entry, search)]
            looked_at += len(page)
            if len(page) < _PAGE:
                break
            after = page[-1].key
        rows = found[: request.limit]
        return page_of(rows, rows[-1]["key"] if len(found) > request.limit else None)

    async def entry(request: ApiRequest) -> Any:
        return await _read(workspace, request.params["scope"], request.params["key"])

    async def put(request: ApiRequest) -> Any:
        scope, key = request.params["scope"], request.params["key"]
        given = request.fields("value")
        now_ms = workspace.now_ms()
        if_version, ttl_s = given.get("if_version"), given.get("ttl_s")
        if if_version is not None and (isinstance(if_version, bool) or not isinstance(if_version, int)):
            raise invalid("body.if_version", "a version", if_version)
        if ttl_s is not None and (
            isinstance(ttl_s, bool) or not isinstance(ttl_s, int | float) or ttl_s <= 0
        ):
            raise invalid("body.ttl_s", "seconds", ttl_s)
        expires_at_ms = None if ttl_s is None else now_ms + round(ttl_s * 1000)
        if ttl_s is None and (held := await backend.state.get(scope, key, now_ms)) is not None:
            expires_at_ms = held.expires_at_ms  # an edit of the value is none of its time
        operation = StatePut(
            scope=scope,
            key=key,
            value=encoding.encode(given["value"]),
            now_ms=now_ms,
            expires_at_ms=expires_at_ms,
            deliveries=_deliveries(workspace, scope, key),
        )
        guards = () if if_version is None else (StateVersion(scope, key, if_version, now_ms),)
        try:
            await backend.commit(Batch([operation], guards))
        except ConflictError as error:
            raise InputError(
                f"state {scope}/{key}: expected version {if_version}, somebody has changed it since",
                code="state.version",
                status=409,
                hint="load it again",
            ) from error
        request.acted_on("state.put", scope=scope, key=key)
        return await _read(workspace, scope, key)

    async def delete(request: ApiRequest) -> None:
        scope, key = request.params["scope"], request.params["key"]
        if not await _delete(workspace, scope, key):
            raise unknown("state key", f"{scope}/{key}", "state.unknown")
        request.acted_on("state.delete", scope=scope, key=key)

    async def delete_many(request: ApiRequest) -> Any:
        items = request.fields("items")["items"]
        if not isinstance(items, list) or len(items) > _PAGE:
            raise invalid("body.items", f"a list of at most {_PAGE} keys", items)
        pairs = [(str(item["scope"]), str(item["key"])) for item in items if isinstance(item, dict)]
        gone = [pair for pair in pairs if await _delete(workspace, *pair)]
        request.acted_on("state.delete", keys=[f"{scope}/{key}" for scope, key in gone])
        return {"deleted": len(gone)}

    async def clear(request: ApiRequest) -> Any:
        scope = request.params["scope"]
        (count,) = await backend.commit(Batch([StateClear(scope, workspace.now_ms())]))
        request.acted_on("state.clear", scope=scope, count=count)
        return {"deleted": count}

    return [
        Route("GET", "/states", scopes),
        Route("POST", "/states/delete", delete_many),
        Route("GET", "/states/:scope", entries),
        Route("DELETE", "/states/:scope", clear),
        Route("GET", "/states/:scope/:key", entry),
        Route("PUT", "/states/:scope/:key", put),
        Route("DELETE", "/states/:scope/:key", delete),
    ]


def item_document(scope: str, entry: StateEntry) -> dict[str, Any]:
    """One key and its value."""
    value = encoding.decode(entry.value)
    return {
        "scope": scope,
        "key": entry.key,
        "value": value,
        "type": _TYPES.get(type(value), "null"),
        "bytes": len(entry.value),
        "version": entry.version,
        "expires_at_ms": entry.expires_at_ms,
    }


def _fits(entry: StateEntry, search: str) -> bool:
    return not search or search in entry.key.lower() or search.encode() in entry.value.lower()


async def _read(workspace: Workspace, scope: str, key: str) -> dict[str, Any]:
    entry = await workspace.engine.backend.state.get(scope, key, workspace.now_ms())
    if entry is None:
        raise unknown("state key", f"{scope}/{key}", "state.unknown")
    return item_document(scope, entry)


async def _delete(workspace: Workspace, scope: str, key: str) -> bool:
    operation = StateDelete(
        scope=scope,
        key=key,
        now_ms=workspace.now_ms(),
        deliveries=_deliveries(workspace, scope, key),
    )
    (result,) = await workspace.engine.backend.commit(Batch([operation]))
    return result.old is not None


def _deliveries(workspace: Workspace, scope: str, key: str) -> list[ChangeDelivery]:
    engine = workspace.engine
    queues = engine.state_queues(scope, key)
    if not queues:
        return []
    trace = TraceContext(engine.ids.trace_id(), "", 0)
    return [ChangeDelivery(queue, engine.ids.message_id(), trace) for queue in queues]
