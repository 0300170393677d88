"""A gateway as an ASGI application: for the test kit, and to run a project under another server."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from motia.core.occurrence import Request
from motia.http.response import HttpResponse
from motia.server.asgi_socket import Receive, Send, serve_socket
from motia.server.connection import too_large
from motia.server.gateway import Gateway
from motia.server.sockets import Sockets

Scope = Mapping[str, Any]


class Asgi:
    """`await asgi(scope, receive, send)` for `http` scopes and, given `sockets`, for `websocket` scopes."""

    def __init__(self, gateway: Gateway, sockets: Sockets | None = None) -> None:
        self._gateway = gateway
        self._sockets = sockets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._answer(scope, receive, send)
        elif scope["type"] == "websocket":
            if self._sockets is None:
                await send({"type": "websocket.close", "code": 1003})
            else:
                await serve_socket(self._sockets, _request_of(scope), scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = _request_of(scope)
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        listener = scope.get("state", {}).get("listener", "api")
        admitted = self._gateway.admit(request, raw.decode("latin-1"), listener)
        given_up: list[asyncio.Task[None]] = []

        def give_up(response: HttpResponse) -> None:
            given_up.append(asyncio.ensure_future(self._send(response, request, send)))

        if isinstance(admitted, HttpResponse):
            response = admitted
        else:
            body = await _read_body(receive, admitted.max_body_bytes)
            if body is None:
                response = too_large(admitted.max_body_bytes)
            else:
                request.body = body
                response = await admitted.answer(request, give_up)
        if given_up:
            await given_up[0]
        else:
            await self._send(response, request, send)

    async def _send(self, response: HttpResponse, request: Request, send: Send) -> None:
        response = self._gateway.finish(request, response)
        body = response.body
        await send({"type": "http.response.start", "status": response.status, "headers": response.headers})
        if isinstance(body, bytes):
            await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else body})
            return
        try:
            if request.method != "HEAD":
                async for chunk in body:
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            close = getattr(body, "aclose", None)
            if close is not None:
                # Also when the client went away: the generator's own clean-up must run.
                await asyncio.shield(close())


def _request_of(scope: Scope) -> Request:
    client = scope.get("client")
    return Request(
        scope.get("method", "GET"),
        scope["path"],
        "",
        {},
        scope["query_string"],
        list(scope["headers"]),
        b"",
        client[0] if client else None,
        scope["scheme"],
    )


async def _read_body(receive: Receive, limit_bytes: int) -> bytes | None:
    """The whole body; None when it is longer than the limit. A client that went away sent what it sent."""
    chunks: list[bytes] = []
    size_bytes = 0
    more = True
    while more:
        message = await receive()
        chunk: bytes = message.get("body", b"")
        size_bytes += len(chunk)
        if size_bytes > limit_bytes:
            return None
        chunks.append(chunk)
        more = message.get("more_body", False)
    return b"".join(chunks)
