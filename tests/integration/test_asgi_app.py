"""A project under somebody else's ASGI server."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

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
