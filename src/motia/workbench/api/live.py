"""The live channel's route."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

from motia.errors import InputError
from motia.http import sse
from motia.http.response import HttpResponse
from motia.http.router import Route
from motia.workbench.api.tracing import log_query
from motia.workbench.live import TOPICS, LiveChannel
from motia.workbench.request import ApiRequest, Handler, invalid
from motia.workbench.workspace import Workspace

_MOST_CHANNELS = 64


def routes(workspace: Workspace) -> list[Route[Handler]]:
    """`/live`."""
    open_channels: set[LiveChannel] = set()

    async def live(request: ApiRequest) -> Any:
        topics = frozenset((request.text("topics") or ",".join(TOPICS)).split(","))
        if unknown := topics - set(TOPICS):
            raise invalid("topics", f"some of {', '.join(TOPICS)}", sorted(unknown))
        if len(open_channels) >= _MOST_CHANNELS:
            raise InputError(
                f"live: expected at most {_MOST_CHANNELS} open pages, got one more",
                code="console.too_many_pages",
                status=429,
            )
        cursor = request.headers.get("last-event-id") or request.text("cursor")
        lines = log_query(workspace.registry, ApiRequest(**_without_cursor(request)))
        channel = LiveChannel(workspace, topics, lines, cursor)

        async def events() -> Any:
            open_channels.add(channel)
            try:
                async with aclosing(channel.events()) as chunks:
                    async for chunk in chunks:
                        yield chunk
            finally:
                open_channels.discard(channel)

        headers = [(b"content-type", sse.CONTENT_TYPE), (b"cache-control", b"no-store")]
        return HttpResponse(200, headers, events())

    return [Route("GET", "/live", live)]


def _without_cursor(request: ApiRequest) -> dict[str, Any]:
    query = {name: value for name, value in request.query.items() if name not in ("cursor", "after", "limit")}
    return {
        "method": request.method,
        "params": request.params,
        "query": query,
        "headers": request.headers,
        "client": request.client,
    }
