"""A load generator in a process of its own: `loadgen.py PORT METHOD PATH REQUESTS CONNECTIONS [BODY_FILE]`.

Keep-alive connections, each with one request in flight. It learns the response from the first answer and
from then on only counts bytes, so that it costs less than any server it loads: all answers must be equally
long. Prints one JSON object; exits with 1 when an answer is not a 200 or a connection breaks.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import uvloop

_CONTENT_LENGTH = b"content-length:"


class Run:
    """One run over all connections. `finished` ends with None, or with what went wrong."""

    def __init__(self, request: bytes, count: int) -> None:
        self.request = request
        self.unsent = self.unanswered = count
        self.answer_bytes = 0
        self.latencies_s: list[float] = []
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def fail(self, reason: str) -> None:
        if not self.finished.done():
            self.finished.set_exception(RuntimeError(reason))


class Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._got = b""
        self._left = 0
        self._sent_s = 0.0

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._send()

    def _send(self) -> None:
        run = self._run
        if run.unsent:
            run.unsent -= 1
            self._left = run.answer_bytes
            self._sent_s = time.perf_counter()
            self._transport.write(run.request)

    def data_received(self, data: bytes) -> None:
        run = self._run
        if not self._left:
            data = self._got = self._got + data
            self._left = run.answer_bytes = run.answer_bytes or answer_bytes(data)
            if not self._left:
                return
        if self._left == run.answer_bytes:
            if not data.startswith(b"HTTP/1.1 200 "):
                run.fail(f"expected 200, got {data[:400]!r}")
                return
            self._got = b""
        self._left -= len(data)
        if self._left > 0:
            return
        if self._left < 0:
            run.fail(f"expected answers of {run.answer_bytes} bytes, got {data[:400]!r}")
            return
        run.latencies_s.append(time.perf_counter() - self._sent_s)
        run.unanswered -= 1
        if run.unsent:
            self._send()
        elif not run.unanswered and not run.finished.done():
            run.finished.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._run.unanswered:
            self._run.fail(f"the server closed a connection: {exc!r}")


def answer_bytes(data: bytes) -> int:
    """Length of the whole answer that begins with `data`; 0 while its head is not complete."""
    head, found, _ = data.partition(b"\r\n\r\n")
    if not found:
        return 0
    for line in head.split(b"\r\n"):
        if line.lower().startswith(_CONTENT_LENGTH):
            return len(head) + 4 + int(line[len(_CONTENT_LENGTH) :])
    raise ValueError(f"expected a content length, got {head!r}")


def request_bytes(method: str, path: str, body: bytes) -> bytes:
    """The request as it is sent."""
    head = f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: */*\r\n"
    if body:
        head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


def _never_sleep(loop: asyncio.AbstractEventLoop) -> None:
    """Poll without end. Whoever sends to a process that sleeps pays for waking it, up to 30 µs in a virtual
    machine: it would be charged to the server, and the more often the slower the server is."""
    loop.call_soon(_never_sleep, loop)


async def generate(port: int, request: bytes, *, requests: int, connections: int) -> dict[str, float]:
    """Send them all; seconds and latencies."""
    loop = asyncio.get_running_loop()
    run = Run(request, requests)
    _never_sleep(loop)
    started_s = time.perf_counter()
    opened = [
        await loop.create_connection(lambda: Client(run), "127.0.0.1", port)
        for _ in range(min(connections, requests))
    ]
    await run.finished
    elapsed_s = time.perf_counter() - started_s
    for transport, _ in opened:
        transport.close()
    ordered = sorted(run.latencies_s)
    return {
        "requests": requests,
        "elapsed_s": elapsed_s,
        "p50_ms": ordered[len(ordered) // 2] * 1e3,
        "p99_ms": ordered[len(ordered) * 99 // 100] * 1e3,
    }


def main(arguments: list[str]) -> int:
    port, method, path, requests, connections = arguments[:5]
    body = Path(arguments[5]).read_bytes() if len(arguments) > 5 else b""
    run = generate(
        int(port),
        request_bytes(method, path, body),
        requests=int(requests),
        connections=int(connections),
    )
    try:
        print(json.dumps(uvloop.run(run)))
    except (RuntimeError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
