"""The server on real sockets: deadlines, limits, and a drain that cuts nothing."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import uvloop

from motia.core.occurrence import Request
from motia.http.response import HttpResponse
from motia.server.gateway import Endpoint, GiveUp
from motia.server.http_server import NodeServer
from motia.settings import LimitSettings

QUICK = LimitSettings(header_read_s=0.3, body_read_s=0.3, keep_alive_s=30.0, header_bytes=4096)
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
Test = Callable[[], Awaitable[None]]


def run(main: Test) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(20):
            await main()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(bounded())


Answer = Callable[[Request], Awaitable[HttpResponse]]


async def echo(request: Request) -> HttpResponse:
    body = request.path.encode() + request.body
    return HttpResponse(200, [(b"content-length", b"%d" % len(body))], body)


class Answering:
    """A gateway with one endpoint."""

    max_body_bytes = 1024 * 1024

    def __init__(self, make: Answer) -> None:
        self._make = make
        self.broken: list[Exception] = []

    def admit(self, request: Request, raw_path: str, listener: str) -> Endpoint:
        return self

    async def answer(self, request: Request, give_up: GiveUp) -> HttpResponse:
        return await self._make(request)

    def finish(self, request: Request, response: HttpResponse) -> HttpResponse:
        return response

    def upgrade(self, request: Request, listener: str) -> None:
        return None

    def broke_off(self, request: Request, error: Exception) -> None:
        self.broken.append(error)


@contextlib.asynccontextmanager
async def served(
    make: Answer = echo,
    limits: LimitSettings = QUICK,
    sweep_s: float = 0.05,
    gateway: Answering | None = None,
) -> AsyncIterator[tuple[NodeServer, tuple[str, int]]]:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    address = listener.getsockname()
    server = NodeServer(gateway or Answering(make), {"api": listener}, limits=limits, sweep_s=sweep_s)
    await server.serve_started()
    try:
        yield server, address
    finally:
        await server.closed(0.0)


@contextlib.asynccontextmanager
async def client(
    address: tuple[str, int],
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(*address)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def response(reader: asyncio.StreamReader) -> tuple[int, dict[bytes, bytes], bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    headers = dict(line.lower().split(b": ", 1) for line in lines[1:] if line)
    body = await reader.readexactly(int(headers.get(b"content-length", b"0")))
    return int(lines[0].split()[1]), headers, body


def test_keep_alive_pipelining_and_body() -> None:
    async def main() -> None:
        async with served() as (_, address), client(address) as (reader, writer):
            writer.write(
                b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
                b"GET /b HTTP/1.1\r\nHost: x\r\n\r\nGET /c HTTP/1.1\r\nHost: x\r\n\r\n"
            )
            assert [(await response(reader))[2] for _ in range(3)] == [b"/aabc", b"/b", b"/c"]

    run(main)


@pytest.mark.parametrize("start", [b"", b"\r\n", b"GET /", b"GET / HTTP/1.1\r\nHost: x\r\nX: "])
def test_slow_head_is_closed_at_its_deadline(start: bytes) -> None:
    async def main() -> None:
        async with served() as (server, address), client(address) as (reader, writer):
            answer = b""
            writer.write(start)
            while not reader.at_eof():  # drips for as long as it is let: for ever, if there is no deadline
                with contextlib.suppress(TimeoutError):
                    answer += await asyncio.wait_for(reader.read(1000), 0.05)
                if start and not reader.at_eof():
                    writer.write(b"a" if start.startswith(b"G") else b"\r\n")
            assert answer.startswith(b"HTTP/1.1 408 " if start else b"")
            assert start or not answer
            assert server.open_connections <= 1

    run(main)


def test_slow_body_is_closed_and_no_handler_hears_of_it() -> None:
    async def main() -> None:
        async def app(request: Request) -> HttpResponse:
            raise AssertionError("called with half a body")

        async with served(app) as (_, address), client(address) as (reader, writer):
            writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
            status, headers, body = await response(reader)
            assert status == 408
            assert headers[b"connection"] == b"close"
            assert b'"status":408' in body
            assert await reader.read() == b""

    run(main)


def test_handler_may_take_longer_than_every_deadline() -> None:
    async def main() -> None:
        swept = asyncio.Event()

        async def app(request: Request) -> HttpResponse:
            await swept.wait()
            return await echo(request)

        async with served(app) as (_, address), client(address) as (reader, writer):
            writer.write(GET)
            async with client(address) as (other, _):
                assert await other.read() == b""  # its deadline is as long
            swept.set()
            assert (await response(reader))[0] == 200

    run(main)


def test_a_body_that_arrives_in_time_may_last() -> None:
    async def main() -> None:
        async with served() as (_, address), client(address) as (reader, writer):
            writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 20480\r\n\r\n")
            for _ in range(20):
                writer.write(b"x" * 1024)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(asyncio.Event().wait(), 0.04)  # the pace of a slow line
            assert (await response(reader))[0] == 200

    run(main)


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 5000 + b"\r\n\r\n",
        b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X%d: a\r\n" % n for n in range(900)) + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 900_000,
    ],
)
def test_head_over_the_limit_gets_431(head: bytes) -> None:
    async def main() -> None:
        async with served() as (_, address), client(address) as (reader, writer):
            writer.write(head)
            status, headers, body = await response(reader)
            assert (status, headers[b"connection"]) == (431, b"close")
            assert b"4096 bytes" in body

    run(main)


def test_large_body_then_a_head_in_one_write_is_no_large_head() -> None:
    async def main() -> None:
        async with served() as (_, address), client(address) as (reader, writer):
            size = 60_000
            writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size)
            writer.write(b"b" * size + GET[:10])
            assert len((await response(reader))[2]) == size + 1
            writer.write(GET[10:20])
            await writer.drain()
            writer.write(GET[20:])
            assert (await response(reader))[0] == 200

    run(main)


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.0\r\n\r\n", 200),
        (b"GET / HTTP/1.0\r\nHost: x\r\nHost: y\r\n\r\n", 400),
        (
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\n folded: y\r\n\r\n", 400),
    ],
)
def test_framing(request_bytes: bytes, status: int) -> None:
    async def main() -> None:
        async with served() as (_, address), client(address) as (reader, writer):
            writer.write(request_bytes)
            found, headers, _ = await response(reader)
            assert found == status
            if status == 400:
                assert headers[b"content-type"] == b"application/problem+json"
                assert await reader.read() == b""

    run(main)


def test_garbage_after_a_good_request_does_not_spoil_its_answer() -> None:
    async def main() -> None:
        async with served() as (_, address), client(address) as (reader, writer):
            writer.write(GET + b"\x00garbage\r\n\r\n")
            assert (await response(reader))[0] == 200
            assert b"HTTP/1.1 200" not in await reader.read()

    run(main)


def test_connections_over_the_limit_get_503() -> None:
    async def main() -> None:
        limits = QUICK.model_copy(update={"connections": 2})
        async with (
            served(limits=limits) as (_, address),
            client(address) as (a, writer_a),
            client(address) as (b, writer_b),
        ):
            for reader, writer in ((a, writer_a), (b, writer_b)):
                writer.write(GET)
                assert (await response(reader))[0] == 200
            async with client(address) as (c, _):
                status, headers, _ = await response(c)
                assert (status, headers[b"retry-after"]) == (503, b"1")
            writer_a.write(GET)
            assert (await response(a))[0] == 200

    run(main)


def endless(over: asyncio.Event) -> Answer:
    async def chunks() -> AsyncIterator[bytes]:
        try:
            while True:
                await asyncio.sleep(0)
                yield b"x" * 65536
        finally:
            over.set()

    async def app(request: Request) -> HttpResponse:
        return HttpResponse(200, [], chunks())

    return app


def test_a_client_that_does_not_read_its_answer_is_dropped() -> None:
    async def main() -> None:
        over = asyncio.Event()
        async with served(endless(over)) as (_, address):
            raw = socket.socket()
            raw.connect(address)
            raw.sendall(GET)
            await over.wait()
            raw.close()

    run(main)


def test_a_client_that_goes_away_ends_the_stream_it_was_reading() -> None:
    async def main() -> None:
        over = asyncio.Event()

        async def silent() -> AsyncIterator[bytes]:
            try:
                yield b"first"
                await asyncio.Event().wait()
            finally:
                over.set()

        async def app(request: Request) -> HttpResponse:
            return HttpResponse(200, [], silent())

        async with served(app) as (_, address):
            async with client(address) as (reader, writer):
                writer.write(GET)
                head = await reader.readuntil(b"\r\n\r\n")
                assert b"transfer-encoding: chunked" in head
                assert await reader.readexactly(10) == b"5\r\nfirst\r\n"
            await over.wait()

    run(main)


def test_a_stream_that_fails_is_cut_and_told_of() -> None:
    async def main() -> None:
        async def failing() -> AsyncIterator[bytes]:
            yield b"first"
            raise ValueError("no more")

        async def app(request: Request) -> HttpResponse:
            return HttpResponse(200, [], failing())

        gateway = Answering(app)
        async with served(gateway=gateway) as (_, address), client(address) as (reader, writer):
            writer.write(GET)
            answer = b""
            with contextlib.suppress(ConnectionError):
                answer = await reader.read()
            assert not answer.endswith(b"0\r\n\r\n")
            assert [str(error) for error in gateway.broken] == ["no more"]

    run(main)


def test_streams_of_known_and_unknown_length_keep_the_connection() -> None:
    async def main() -> None:
        async def parts() -> AsyncIterator[bytes]:
            for part in (b"one", b"", b"two"):
                yield part

        async def app(request: Request) -> HttpResponse:
            known = [(b"content-length", b"6")] if request.path == "/known" else []
            return HttpResponse(200, known, parts())

        async with served(app) as (_, address), client(address) as (reader, writer):
            writer.write(GET)
            await reader.readuntil(b"\r\n\r\n")
            assert await reader.readexactly(21) == b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"
            writer.write(b"GET /known HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await response(reader))[2] == b"onetwo"
            writer.write(b"GET / HTTP/1.0\r\n\r\n")
            last = await reader.read()
            assert last.endswith(b"\r\n\r\nonetwo")
            assert b"connection: close" in last

    run(main)


@pytest.mark.parametrize(
    "sent",
    [
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2000000\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        + (b"80000\r\n" + b"x" * 0x80000 + b"\r\n") * 3,
    ],
)
def test_a_body_over_the_limit_gets_413_before_it_is_sent(sent: bytes) -> None:
    async def main() -> None:
        async with served() as (_, address), client(address) as (reader, writer):
            writer.write(sent)
            status, headers, _ = await response(reader)
            assert (status, headers[b"connection"]) == (413, b"close")

    run(main)


def test_a_body_that_waits_for_leave_gets_it() -> None:
    async def main() -> None:
        async with served() as (_, address), client(address) as (reader, writer):
            writer.write(b"POST /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(b"hi")
            assert (await response(reader))[2] == b"/ahi"

    run(main)


def test_an_upgrade_that_is_not_taken_up_is_a_request_like_any_other() -> None:
    async def main() -> None:
        async with served() as (_, address), client(address) as (reader, writer):
            h2c = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
            writer.write(b"GET /a HTTP/1.1\r\nHost: x\r\n" + h2c + b"\r\n")
            assert (await response(reader))[2] == b"/a"
            writer.write(GET)
            assert (await response(reader))[2] == b"/"
            websocket = b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
            writer.write(b"GET /a HTTP/1.1\r\nHost: x\r\n" + websocket + b"\r\n")
            assert (await response(reader))[0] == 404

    run(main)


@pytest.mark.parametrize("protocol", [b"h2c", b"websocket"])
@pytest.mark.parametrize("chunked", [False, True])
def test_the_body_of_an_upgrade_that_is_not_taken_up_is_no_second_request(
    protocol: bytes, chunked: bool
) -> None:
    """Java's client asks for h2c with every body; and behind a proxy a body that is read as a request is one
    that the proxy has not seen. A handshake of a WebSocket has none."""

    async def main() -> None:
        async with served() as (_, address), client(address) as (reader, writer):
            size = b"Transfer-Encoding: chunked\r\n" if chunked else b"Content-Length: %d\r\n" % len(GET)
            writer.write(
                b"POST /a HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: " + protocol + b"\r\n"
            )
            writer.write(size + b"\r\n" + (b"%x\r\n%b\r\n0\r\n\r\n" % (len(GET), GET) if chunked else GET))
            writer.write(b"GET /b HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await response(reader))[2] == b"/a" + GET
            assert (await response(reader))[2] == b"/b"

    run(main)


def test_what_is_asked_of_a_proxy_is_refused() -> None:
    async def main() -> None:
        async with served() as (_, address), client(address) as (reader, writer):
            writer.write(b"CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n" + GET)
            assert (await response(reader))[0] == 501
            assert await reader.read() == b""

    run(main)


def test_a_long_line_of_refused_requests_is_answered_in_order() -> None:
    """Each of them is answered at once, so that one must not be answered inside the other."""

    class Refusing(Answering):
        def admit(self, request: Request, raw_path: str, listener: str) -> Any:
            if raw_path == "/":
                return self
            return HttpResponse(404, [(b"content-length", b"%d" % len(raw_path))], raw_path.encode())

    async def main() -> None:
        go = asyncio.Event()

        async def app(request: Request) -> HttpResponse:
            await go.wait()
            return await echo(request)

        async with served(gateway=Refusing(app)) as (_, address), client(address) as (reader, writer):
            writer.write(GET + b"".join(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % n for n in range(2000)))
            await writer.drain()
            go.set()
            assert (await response(reader))[2] == b"/"
            for n in range(2000):
                assert (await response(reader))[2] == b"/%d" % n

    run(main)


def test_trailers_do_not_become_headers() -> None:
    async def main() -> None:
        async def app(request: Request) -> HttpResponse:
            body = b",".join(name for name, _ in request.headers)
            return HttpResponse(200, [(b"content-length", b"%d" % len(body))], body)

        async with served(app) as (_, address), client(address) as (reader, writer):
            writer.write(
                b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                b"1\r\na\r\n0\r\nAuthorization: root\r\n\r\n"
            )
            assert (await response(reader))[2] == b"host,transfer-encoding"

    run(main)


def test_drain_answers_what_was_sent_and_says_close() -> None:
    async def main() -> None:
        go = asyncio.Event()
        entered = asyncio.Event()

        async def app(request: Request) -> HttpResponse:
            if request.path == "/wait":
                entered.set()
                await go.wait()
            return await echo(request)

        async with (
            served(app) as (server, address),
            client(address) as (busy, busy_writer),
            client(address) as (idle, idle_writer),
            client(address) as (fresh, fresh_writer),
        ):
            idle_writer.write(GET)
            await response(idle)
            busy_writer.write(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
            await entered.wait()
            server.begin_drain()
            closing = asyncio.create_task(server.closed(10.0))
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(*address)
            idle_writer.write(GET)
            status, headers, _ = await response(idle)
            assert (status, headers[b"connection"]) == (200, b"close")
            fresh_writer.write(GET)
            assert (await response(fresh))[1][b"connection"] == b"close"
            busy_writer.write(b"GET /piped HTTP/1.1\r\nHost: x\r\n\r\n")
            await busy_writer.drain()
            async with client_is_read(server):
                go.set()
            first = await response(busy)
            last = await response(busy) if first[1].get(b"connection") != b"close" else first
            assert last[1][b"connection"] == b"close"
            assert await closing is True
            assert server.open_connections == 0

    run(main)


@contextlib.asynccontextmanager
async def client_is_read(server: NodeServer) -> AsyncIterator[None]:
    for _ in range(5):  # loop turns in which the server reads what has been sent
        await asyncio.sleep(0)
    yield


def test_drain_ends_at_its_limit_and_cancels_what_still_runs() -> None:
    async def main() -> None:
        entered, cancelled = asyncio.Event(), asyncio.Event()

        async def app(request: Request) -> HttpResponse:
            entered.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.set()
                raise

        async with served(app) as (server, address), client(address) as (reader, writer):
            writer.write(GET)
            await entered.wait()
            assert await server.closed(0.1) is False
            assert cancelled.is_set()
            assert b" 200 " not in await reader.read()

    run(main)


def test_idle_connections_leave_a_drain_after_the_linger() -> None:
    async def main() -> None:
        async with served() as (server, address), client(address) as (reader, writer):
            writer.write(GET)
            await response(reader)
            loop = asyncio.get_running_loop()
            began_s = loop.time()
            assert await server.closed(60.0) is True
            assert 1.8 < loop.time() - began_s < 60
            assert await reader.read() == b""

    run(main)


def test_a_silent_stream_of_events_is_kept_open_between_events_only() -> None:
    half = asyncio.Event()
    end = asyncio.Event()

    async def events() -> AsyncIterator[bytes]:
        yield b"data: 1\n\n"
        await half.wait()
        yield b"data: ha"
        await end.wait()
        yield b"lf\n\n"

    async def make(request: Request) -> HttpResponse:
        return HttpResponse(200, [(b"content-type", b"text/event-stream; charset=utf-8")], events())

    async def main() -> None:
        limits = QUICK.model_copy(update={"sse_keep_alive_s": 0.05})
        async with served(make, limits=limits, sweep_s=0.01) as (_, address):
            reader, writer = await asyncio.open_connection(*address)
            writer.write(GET.replace(b"1.1", b"1.0"))
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
            for expected in (b"data: 1\n\n", b": keep-alive\n\n", b": keep-alive\n\n"):
                assert await reader.readuntil(b"\n\n") == expected
            half.set()
            rest = await reader.readuntil(b"data: ha")
            assert rest.removesuffix(b"data: ha").replace(b": keep-alive\n\n", b"") == b""
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.read(1), 0.3)
            end.set()
            assert (await reader.read()).replace(b": keep-alive\n\n", b"") == b"lf\n\n"
            writer.close()

    run(main)
