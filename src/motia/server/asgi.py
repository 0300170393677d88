"""The ASGI face of a node: reads requests within the limits, hands them to the engine, writes responses.

Raw ASGI on purpose: on the hot path no object is made that the request does not need.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from motia.core.occurrence import Request
from motia.engine.http_dispatch import HttpDispatch
from motia.errors import InputError
from motia.http.cors import Cors
from motia.http.problem import problem, problem_of, refusal
from motia.http.response import HttpResponse
from motia.http.router import Match, MethodNotAllowed

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]


class Asgi:
    """`await asgi(scope, receive, send)` for `http` scopes. Built-in routes are tried after the steps'."""

    def __init__(
        self,
        dispatch: HttpDispatch,
        *,
        cors: Cors | None,
        builtin: Mapping[str, Callable[[], HttpResponse]],
        full: Callable[[], bool],
        control: Callable[..., Awaitable[None]],
        console: Callable[..., Awaitable[bool]] | None = None,
    ) -> None:
        self._dispatch = dispatch
        self._cors = cors
        self._builtin = builtin
        self._full = full
        self._control = control
        self._console = console

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            self._console is not None
            and "state" in scope
            and scope["state"].get("listener") == "workbench"
            and await self._console(scope, receive, send)
        ):
            return
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1003})
            return
        if "state" in scope and scope["state"].get("listener") == "control":
            await self._control(scope, receive, send)
            return
        method: str = scope["method"]
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        try:
            match = self._dispatch.match(method, raw.decode("latin-1"))
        except InputError as error:
            await self._send(problem_of(error), scope, send)
            return
        if not isinstance(match, Match):
            await self._send(self._without_step(match, method, raw, scope), scope, send)
            return
        if self._full():
            full = problem(503, code="backend.full", detail="storage is nearly full; nothing new is accepted")
            await self._send(full, scope, send)
            return
        endpoint = match.target
        traceparent = None
        length = -1
        for name, value in scope["headers"]:
            if name == b"content-length":
                length = int(value) if value.isdigit() else 0
            elif name == b"transfer-encoding":
                length = max(length, 0)
            elif name == b"traceparent":
                traceparent = value.decode("latin-1")
        body = b""
        if length >= 0:
            limit_bytes = endpoint.max_body_bytes
            try:
                read = await _read_body(receive, limit_bytes) if length <= limit_bytes else None
            except _Disconnected:
                return
            if read is None:
                await self._send(_too_large(limit_bytes), scope, send)
                return
            body = read
        client = scope.get("client")
        given_up = False

        async def give_up(response: HttpResponse) -> None:
            nonlocal given_up
            given_up = True
            await self._send(response, scope, send)

        response = await self._dispatch.dispatch(
            endpoint,
            Request(
                method,
                scope["path"],
                endpoint.trigger.path,
                match.path_params,
                scope["query_string"],
                scope["headers"],
                body,
                client[0] if client else None,
                scope["scheme"],
            ),
            traceparent,
            give_up,
        )
        if given_up:
            return
        if self._cors is None and type(response.body) is bytes and method != "HEAD":
            start = {"type": "http.response.start", "status": response.status, "headers": response.headers}
            await send(start)
            await send({"type": "http.response.body", "body": response.body})
            return
        await self._send(response, scope, send)

    def _without_step(
        self, match: MethodNotAllowed | None, method: str, raw: bytes, scope: Scope
    ) -> HttpResponse:
        """The answer where no step is found: a preflight, a built-in route, or a refusal."""
        if self._cors is not None:
            preflight = self._cors.preflight(method, scope["headers"])
            if preflight is not None:
                return preflight
        make = self._builtin.get(raw.decode("latin-1")) if match is None else None
        if make is None:
            return refusal(match, method)
        if method not in ("GET", "HEAD"):
            return problem(405, code="route.method_not_allowed", headers={"allow": "GET, HEAD"})
        return make()

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
