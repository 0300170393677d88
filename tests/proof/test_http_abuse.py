"""What the internet sends: a running server answers each with a 4xx or hangs up, and goes on serving."""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections import Counter
from pathlib import Path

import httpx
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "integration"))

from real_process import Project, run

pytestmark = [pytest.mark.proof, pytest.mark.timeout(200)]
STEPS = """
from pydantic import BaseModel
from typing import Any

class Order(BaseModel):
    name: str
    count: int = 1

@step(http("POST", "/orders"))
async def order(order: Order) -> dict[str, Any]:
    return {"name": order.name}

@step(http("POST", "/any"))
async def anything(request: ApiRequest) -> dict[str, Any]:
    return {"got": str(type(request.body))}

@step(http("GET", "/items/:id"))
async def item(id: int) -> dict[str, Any]:
    return {"id": id}

@step(http("GET", "/slow"))
async def slow() -> dict[str, Any]:
    await asyncio.sleep(0.2)
    return {}

@step(http("GET", "/junk/:kind"))
async def junk(kind: str) -> Any:
    cycle: dict[str, Any] = {}
    cycle["self"] = cycle
    return {
        "nan": float("nan"), "cycle": cycle, "set": {1, 2}, "object": object(), "surrogate": "\\ud800",
        "status": {"status": 99, "body": None}, "header": {"status": 200, "headers": {"a": "b\\r\\nc: d"}},
        "huge": {"body": {"a": 1}, "status": 1000}, "key": {(1, 2): 3}, "lambda": lambda: None,
    }[kind]
"""
JSON_TEXTS = [
    *(b"", b"{", b"}", b"[", b"]", b"[1,", b"[1,]", b'{"a":}', b'{"a":1,}', b'{"a" 1}', b"{'a':1}", b"{a:1}"),
    *(b"nul", b"tru", b"NaN", b"Infinity", b"-Infinity", b"01", b"1.", b".5", b"1e", b"+1", b"0x1", b"--1"),
    *(
        b'"',
        b'"\\',
        b'"\\x"',
        b'"\\u12"',
        b'"\\ud800"',
        b'"\t"',
        b'"\x00"',
        b"\xff\xfe",
        b"\xc3\x28",
        b"\xed\xa0\x80",
    ),
    *(b"\xef\xbb\xbf{}", b"{}{}", b"{} x", b"// a\n{}", b"/* a */ {}", b'{"a":1 "b":2}', b"[" * 100_000),
    *(
        b'{"a":' * 50_000,
        b"9" * 10_000,
        b"1e400",
        b"-1e400",
        b"1e-400",
        b'{"name":1}',
        b'{"name":null}',
        b"[]",
    ),
    *(
        b"null",
        b"true",
        b"1",
        b'"x"',
        b'{"name":"x","count":"y"}',
        b'{"name":"x","count":1e99}',
        b'{"count":1}',
    ),
    *(b'{"name":' + b'"' + b"x" * 100_000 + b'"}', b'{"name":"\\u0000"}', b'{"name":"x","name":1}'),
]
FRAMINGS = [
    *(
        b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
        b"\x00\x01\x02\r\n\r\n",
    ),
    *(
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"get / HTTP/1.1\r\nHost: a\r\n\r\n",
    ),
    *(
        b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\nHost: a\n\n",
        b"GET / HTTP/1.1\r\n Host: a\r\n\r\n",
    ),
    b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n folded\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX : 1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n: 1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX\x00: 1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n",
    b"GET http://b/orders HTTP/1.1\r\nHost: a\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    *(
        b"POST /any HTTP/1.1\r\nHost: a\r\n" + rest
        for rest in (
            b"Content-Length: 4\r\nContent-Length: 5\r\n\r\n{}  ",
            b"Content-Length: -1\r\n\r\n",
            b"Content-Length: +2\r\n\r\n{}",
            b"Content-Length: 0x2\r\n\r\n{}",
            b"Content-Length: 2, 2\r\n\r\n{}",
            b"Content-Length: 99999999999999999999\r\n\r\n{}",
            b"Content-Length: 10000000000\r\n\r\n{}",
            b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
            b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
            b"Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
            b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
            b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx",
            b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}x\r\n0\r\n\r\n",
            b"Transfer-Encoding: chunked\r\n\r\n2;" + b"x" * 70_000 + b"\r\n{}\r\n0\r\n\r\n",
            b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
            b"Expect: nonsense\r\nContent-Length: 2\r\n\r\n{}",
        )
    ),
    b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 200_000 + b"\r\n\r\n",
    b"GET /" + b"x" * 200_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
]
PATHS = [
    *(
        "/..",
        "/../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/items/%2e%2e",
        "/items/%2f",
        "/items/%00",
        "/items/%",
    ),
    *(
        "/items/%zz",
        "/items/%c0%af",
        "/items/%ed%a0%80",
        "/items/\\..\\..",
        "//items//1",
        "/items/1/",
        "/ITEMS/1",
    ),
    *(
        "/items/1;a=b",
        "/items/1?a=%ff",
        "/items/1?" + "a=b&" * 5000,
        "/items/" + "9" * 5000,
        "/items/1e5",
        "/items/-0",
    ),
    *(
        "/items/%F0%9F%92%A9",
        "/items/%C3%A9",
        "/items/e%CC%81",
        "/.env",
        "/.git/config",
        "/wp-admin",
        "/__motia/x",
    ),
    *(
        "/openapi.json/..",
        "/docs/../../x",
        "/items/1#fragment",
        "/items/1%0d%0aX:%20y",
        "/" + "a/" * 3000,
        "/?x=" + "%00" * 300,
    ),
]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(tmp_path_factory.mktemp("p"), tmp_path_factory.mktemp("r"))
    project.step("abused", STEPS)
    project.file("motia.toml", "[limits]\nbody_bytes = 300000\nheader_read_s = 2\n")
    return project


async def exchange(port: int, data: bytes) -> bytes:
    """What comes back until the server hangs up, or a second passes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    found = b""
    try:
        writer.write(data)
        async with asyncio.timeout(1):
            await writer.drain()
            while chunk := await reader.read(65536):
                found += chunk
    except (TimeoutError, ConnectionError):
        pass
    finally:
        writer.close()
    return found


def status_of(answer: bytes) -> int:
    """0 = hung up without an answer."""
    first = answer.split(b"\r\n", 1)[0].split(b" ")
    return int(first[1]) if len(first) > 1 and first[0].startswith(b"HTTP/") else 0


def test_nothing_sent_makes_the_server_fail(served: Project) -> None:
    async def main() -> None:
        with served.running("start") as running:
            base = await running.ready()
            port = int(base.rsplit(":", 1)[1])
            async with httpx.AsyncClient(base_url=base, timeout=10) as client:
                pid = (await client.get("/pid")).json()["pid"]
                before_kib = rss_kib(pid)
                counts = Counter[str]()
                for text in JSON_TEXTS:
                    for route in ("/orders", "/any"):
                        answer = await client.post(
                            route, content=text, headers={"content-type": "application/json"}
                        )
                        assert answer.status_code < 500, (route, text[:60], answer.text[:300])
                        if answer.status_code >= 400:
                            assert answer.headers["content-type"] == "application/problem+json"
                        counts[f"json {answer.status_code}"] += 1
                for kind in (
                    "application/xml",
                    "multipart/form-data",
                    "text/plain; charset=nonsense",
                    "x",
                    "",
                ):
                    answer = await client.post("/orders", content=b"--x", headers={"content-type": kind})
                    assert answer.status_code in (400, 415, 422), (kind, answer.text)
                for data in FRAMINGS:
                    status = status_of(await exchange(port, data))
                    assert status < 500 or status in (501, 505), (data[:80], status)
                    counts[f"framing {status}"] += 1
                for path in PATHS:
                    for method in ("GET", "POST", "DELETE", "HEAD"):
                        request = f"{method} {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
                        status = status_of(await exchange(port, request.encode()))
                        assert status < 500, (method, path[:80], status)
                        counts[f"path {status}"] += 1
                print(dict(counts))
                assert sum(counts.values()) > 200
                assert (await client.get("/pid")).json()["pid"] == pid, "the node was replaced"
                assert rss_kib(pid) - before_kib < 32 * 1024
            assert "Traceback" not in running.text

    run(main, 150)


def test_mutated_requests_never_make_the_server_fail(served: Project) -> None:
    seed = random.SystemRandom().randrange(1_000_000)
    print(f"seed {seed}")
    chance = random.Random(seed)
    body = json.dumps({"name": "tea", "count": 2}).encode()
    good = (
        b"POST /orders HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nConnection: close\r\n"
        b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
    )

    async def one(port: int) -> int:
        data = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(data))
            what = chance.randrange(3)
            if what == 0:
                data[at] = chance.randrange(256)
            elif what == 1:
                del data[at : at + chance.randint(1, 8)]
            else:
                data[at:at] = bytes(chance.randrange(256) for _ in range(chance.randint(1, 8)))
        status = status_of(await exchange(port, bytes(data)))
        assert status < 500 or status in (501, 505), (status, bytes(data))
        return status

    async def main() -> None:
        with served.running("start") as running:
            port = int((await running.ready()).rsplit(":", 1)[1])
            statuses = Counter[int]()
            for _ in range(40):
                statuses.update(await asyncio.gather(*(one(port) for _ in range(50))))
            print(dict(statuses))
            assert {200, 400, 422} <= statuses.keys()
            assert "Traceback" not in running.text

    run(main, 150)


def test_clients_that_go_away_and_handlers_that_return_junk(served: Project) -> None:
    whole = b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"

    async def leave(port: int, stage: int) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(whole[: stage * len(whole) // 10])
        await writer.drain()
        await asyncio.sleep(0.01 * (stage % 3))
        writer.transport.abort()

    async def main() -> None:
        with served.running("start") as running:
            base = await running.ready()
            port = int(base.rsplit(":", 1)[1])
            await asyncio.gather(*(leave(port, stage) for stage in range(11) for _ in range(10)))
            async with httpx.AsyncClient(base_url=base, timeout=10) as client:
                kinds = [
                    "nan",
                    "cycle",
                    "set",
                    "object",
                    "surrogate",
                    "status",
                    "header",
                    "huge",
                    "key",
                    "lambda",
                ]
                for kind in kinds:
                    answer = await client.get(f"/junk/{kind}")
                    assert answer.status_code in (200, 500), (kind, answer.status_code)
                    if answer.status_code == 500:
                        assert answer.headers["content-type"] == "application/problem+json"
                        assert "Traceback" not in answer.text
                    assert "c" not in answer.headers
                assert (await client.get("/items/1")).json() == {"id": 1}

    run(main, 60)


def rss_kib(pid: int) -> int:
    text = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in text.splitlines() if line.startswith("VmRSS")))
