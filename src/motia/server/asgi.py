"""The ASGI face of a node: reads requests within the limits, hands them to the engine, writes responses.

Raw ASGI on purpose: on the hot path no object is made that the request does not need.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from motia.engine.http_dispatch import Endpoint, HttpDispatch
from motia.errors import InputError
from motia.http.cors import Cors
from motia.http.problem import problem, problem_of, refusal
from motia.http.response import HttpResponse
from motia.http.router import Match

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
Handler = Callable[[str], HttpResponse | None]
"""A built-in route: gives the response for a method, or None when it has none."""


class Asgi:
    """`await asgi(scope, receive, send)` for `http` scopes. Built-in routes are tried after the steps'."""

    def __init__(
        self,
        dispatch: HttpDispatch,
        *,
        cors: Cors | None,
        builtin: Mapping[str, Callable[[], HttpResponse]],
        accepts: Callable[[], bool],
    ) -> None:
        self._dispatch = dispatch
        self._cors = cors
        self._builtin = builtin
        self._accepts = accepts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1003})
            return
        method: str = scope["method"]
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        path = raw.decode("latin-1")
        try:
            match = self._dispatch.match(method, path)
        except InputError as error:
            await self._send(problem_of(error), scope, send)
            return
        if type(match) is Match:
            response = await self._run(match, method, scope, receive)
            if response is not None:
                await self._send(response, scope, send)
            return
        response = self._preflight(method, scope)
        if response is None and match is None:
            response = self._built_in(method, path)
        if response is None:
            response = refusal(match, method)  # type: ignore[arg-type]  # Match was handled above
        await self._send(response, scope, send)

    def _preflight(self, method: str, scope: Scope) -> HttpResponse | None:
        return None if self._cors is None else self._cors.preflight(method, scope["headers"])

    def _built_in(self, method: str, path: str) -> HttpResponse | None:
        make = self._builtin.get(path)
        if make is None:
            return None
        if method not in ("GET", "HEAD"):
            return problem(405, code="route.method_not_allowed", headers={"allow": "GET, HEAD"})
        return make()

    async def _run(
        self, match: Match[Endpoint], method: str, scope: Scope, receive: Receive
    ) -> HttpResponse | None:
        endpoint = match.target
        if not self._accepts():
            return problem(503, code="backend.full", detail="storage is nearly full; nothing new is accepted")
        traceparent = None
        length = 0
        has_body = False
        for name, value in scope["headers"]:
            if name == b"content-length":
                has_body = True
                length = int(value) if value.isdigit() else 0
            elif name == b"transfer-encoding":
                has_body = True
            elif name == b"traceparent":
                traceparent = value.decode("latin-1")
        body = b""
        if has_body:
            if length > endpoint.max_body_bytes:
                return _too_large(endpoint.max_body_bytes)
            try:
                read = await _read_body(receive, endpoint.max_body_bytes)
            except _Disconnected:
                return None
            if read is None:
                return _too_large(endpoint.max_body_bytes)
            body = read
        client = scope.get("client")
        return await self._dispatch.dispatch(
            endpoint,
            method=method,
            path=scope["path"],
            path_params=match.path_params,
            query_string=scope["query_string"],
            headers=scope["headers"],
            body=body,
            client=client[0] if client else None,
            scheme=scope["scheme"],
            traceparent=traceparent,
        )

    async def _send(self, response: HttpResponse, scope: Scope, send: Send) -> None:
        headers = response.headers
        if self._cors is not None:
            origin = next((value for name, value in scope["headers"] if name == b"origin"), None)
            headers = [*headers, *self._cors.headers_for(origin)]
        body = response.body
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        if isinstance(body, bytes):
            await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
            return
        try:
            if scope["method"] != "HEAD":
                async for chunk in body:
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            close = getattr(body, "aclose", None)
            if close is not None:
                # Also when the client went away: the generator's own clean-up must run.
                await asyncio.shield(close())


class _Disconnected(Exception):
    """The client went away before its body was complete."""


async def _read_body(receive: Receive, limit_bytes: int) -> bytes | None:
    """The whole body; None when it is longer than the limit."""
    message = await receive()
    chunk: bytes = message.get("body", b"")
    if message["type"] == "http.disconnect":
        raise _Disconnected
    if not message.get("more_body"):
        return chunk if len(chunk) <= limit_bytes else None
    chunks, size = [chunk], len(chunk)
    while message.get("more_body"):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Disconnected
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit_bytes:
            return None
        chunks.append(chunk)
    return b"".join(chunks)


def _too_large(limit_bytes: int) -> HttpResponse:
    return problem(
        413,
        code="input.too_large",
        detail=f"the body is larger than {limit_bytes} bytes",
        headers={"connection": "close"},
    )
