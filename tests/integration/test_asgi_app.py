"""A project under somebody else's ASGI server."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin

import motia
from motia.testing.http import Http

STEP = """
from motia import http, queue, step

@step(http("POST", "/orders"))
async def create(request, ctx):
    await ctx.enqueue("order", {"n": 1})
    return {"status": 201, "body": {"ok": True}}

@step(queue("order"))
async def handle(input, ctx):
    await ctx.state.set("orders", "seen", input["n"])

@step(http("GET", "/seen"))
async def seen(request, ctx):
    return {"seen": await ctx.state.get("orders", "seen")}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "steps").mkdir()
    (tmp_path / "steps" / "orders_step.py").write_text(STEP)
    return tmp_path


@pytest.mark.parametrize("with_lifespan", [True, False])
def test_it_serves_routes_and_runs_messages(project: Path, with_lifespan: bool) -> None:
    async def run() -> None:
        app = motia.asgi(str(project))
        told: list[Any] = []
        orders: asyncio.Queue[dict[str, str]] = asyncio.Queue()

        async def send(message: Any) -> None:
            told.append(message["type"])

        async def lifespan() -> None:
            await app({"type": "lifespan"}, orders.get, send)

        living = asyncio.ensure_future(lifespan())
        if with_lifespan:
            await orders.put({"type": "lifespan.startup"})
        client = Http(app)
        assert (await client.post("/orders", json={})).status_code == 201
        seen = None
        while seen is None:
            seen = (await client.get("/seen")).json()["seen"]
        assert seen == 1
        assert (await client.get("/health")).status_code == 200
        await orders.put({"type": "lifespan.shutdown"})
        await living
        assert told[-1] == "lifespan.shutdown.complete"

    asyncio.run(asyncio.wait_for(run(), 20))


def test_a_project_that_cannot_start_says_so(project: Path) -> None:
    async def run() -> None:
        (project / "motia.toml").write_text("prot = 1\n")
        told: list[Any] = []

        async def receive() -> dict[str, str]:
            return {"type": "lifespan.startup"}

        async def send(message: Any) -> None:
            told.append(message)

        await motia.asgi(str(project))({"type": "lifespan"}, receive, send)
        assert told[0]["type"] == "lifespan.startup.failed"
        assert "prot" in told[0]["message"]

    asyncio.run(run())


STREAM = """
config = {"name": "chat", "baseConfig": {"storageType": "default"}}
"""
TALK = """
from motia import http, step

@step(http("POST", "/talk"))
async def talk(request, ctx):
    await ctx.streams.chat.set("room", "1", request.body)
    return {"status": 204, "body": None}
"""


def test_sockets_of_streams_work_under_another_server(project: Path) -> None:
    (project / "steps" / "chat_stream.py").write_text(STREAM)
    (project / "steps" / "talk_step.py").write_text(TALK)
    (project / "motia.toml").write_text("[streams]\nframe_bytes = 4096\n")

    async def run() -> None:
        app = motia.asgi(str(project))
        listener = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, ws="websockets-sansio", log_level="error"))
        serving = asyncio.ensure_future(server.serve(sockets=[listener]))
        url = f"ws://127.0.0.1:{listener.getsockname()[1]}/"
        join = {"type": "join", "data": {"streamName": "chat", "groupId": "room", "subscriptionId": "s"}}
        try:
            async with connect(url) as client:
                await client.send(json.dumps(join))
                assert json.loads(await client.recv())["event"] == {"type": "sync", "data": []}
                for text in ("one", "two"):
                    assert (await Http(app).post("/talk", json={"text": text})).status_code == 204
                events = [json.loads(await client.recv())["event"] for _ in range(2)]
                assert events == [
                    {"type": "create", "data": {"text": "one", "id": "1"}},
                    {"type": "update", "data": {"text": "two", "id": "1"}},
                ]
                for wrong, code in (("x" * 5000, 1009), (b"bytes", 1003)):
                    async with connect(url) as other:
                        await other.send(wrong)
                        with pytest.raises(ConnectionClosed) as closed:
                            await other.recv()
                        assert closed.value.rcvd is not None
                        assert closed.value.rcvd.code == code
                with pytest.raises(InvalidStatus) as refused:
                    await connect(url, origin=Origin("https://elsewhere.example"))
                assert refused.value.response.status_code == 403
                server.should_exit = True
                with pytest.raises(ConnectionClosed) as closed:
                    await client.recv()
                assert closed.value.rcvd is not None
                assert closed.value.rcvd.code == 1012
        finally:
            server.should_exit = True
            await serving
            listener.close()

    asyncio.run(asyncio.wait_for(run(), 120))
