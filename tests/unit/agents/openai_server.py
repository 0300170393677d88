"""A server on loopback that speaks OpenAI's chat completions, and does what real ones do on bad days."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

_USAGE = {"prompt_tokens": 11, "completion_tokens": 4, "total_tokens": 15}


class OpenAiServer:
    """Answers each request with the next of `script`; `requests` are the bodies it was sent.

    An answer is `("text", "…")`, `("call", name, arguments as text)`, `("limit", seconds to wait)`,
    `("cut", "…")`: the connection ends in the middle, `("short", "…")`: the text ends without a reason, or
    `("free", "…")`: nothing is said of what it cost.
    """

    def __init__(self, script: list[tuple[Any, ...]]) -> None:
        self.script = script
        self.requests: list[dict[str, Any]] = []
        self.url = ""

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[OpenAiServer]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        async with server:
            yield self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
            body = json.loads(await reader.readexactly(length))
            self.requests.append(body)
            answer = self.script[len(self.requests) - 1]
            if answer[0] == "limit":
                self._limit(writer, answer[1])
            elif body.get("stream"):
                self._stream(writer, answer)
            else:
                self._whole(writer, answer)
            await writer.drain()
        finally:
            writer.close()

    @staticmethod
    def _limit(writer: asyncio.StreamWriter, wait_s: int) -> None:
        body = json.dumps({"error": {"message": "slow down", "code": "rate_limit_exceeded"}}).encode()
        writer.write(_head("429 Too Many Requests", len(body), f"retry-after: {wait_s}\r\n") + body)

    @staticmethod
    def _whole(writer: asyncio.StreamWriter, answer: tuple[Any, ...]) -> None:
        message: dict[str, Any] = {"role": "assistant", "content": answer[1]}
        reason = "stop"
        if answer[0] == "call":
            function = {"name": answer[1], "arguments": answer[2]}
            message = {
                "role": "assistant",
                "tool_calls": [{"id": "c1", "type": "function", "function": function}],
            }
            reason = "tool_calls"
        choice = {"index": 0, "message": message, "finish_reason": reason}
        body = json.dumps({**_envelope("chat.completion"), "choices": [choice], "usage": _USAGE}).encode()
        writer.write(_head("200 OK", len(body)) + body)

    @staticmethod
    def _stream(writer: asyncio.StreamWriter, answer: tuple[Any, ...]) -> None:
        kind, *rest = answer
        writer.write(_head("200 OK", None, "content-type: text/event-stream\r\n"))
        if kind == "call":
            name, arguments = rest
            first = {"index": 0, "id": "c1", "type": "function", "function": {"name": name, "arguments": ""}}
            _event(writer, {"role": "assistant", "tool_calls": [first]})
            _event(writer, {"tool_calls": [{"index": 0, "function": {"arguments": arguments}}]})
        else:
            for word in rest[0].split(" "):
                _event(writer, {"content": f"{word} "})
        if kind == "cut":
            return
        if kind != "short":
            _event(writer, {}, "tool_calls" if kind == "call" else "stop")
            if kind != "free":
                _event(writer, None)
            _chunk(writer, b"data: [DONE]\n\n")
        _chunk(writer, b"")


def _envelope(kind: str) -> dict[str, Any]:
    return {"id": "a1", "object": kind, "created": 1_760_000_000, "model": "local-1"}


def _event(writer: asyncio.StreamWriter, delta: dict[str, Any] | None, reason: str | None = None) -> None:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": reason}]
    event = {**_envelope("chat.completion.chunk"), "choices": choices}
    if delta is None:
        event["usage"] = _USAGE
    _chunk(writer, b"data: " + json.dumps(event).encode() + b"\n\n")


def _chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")


def _head(status: str, length: int | None, more: str = "content-type: application/json\r\n") -> bytes:
    framing = "transfer-encoding: chunked" if length is None else f"content-length: {length}"
    return f"HTTP/1.1 {status}\r\nconnection: close\r\n{more}{framing}\r\n\r\n".encode()
