"""A project served on a real port of this process, and clients that speak the wire to it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import textwrap
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from motia.core.clock import Clock
from motia.server.http_server import NodeServer
from motia.settings import Settings
from motia.testing.app import TestApp

CHAT = 'config = {"name": "chat"}'
STEPS = """
    from motia import Context, http, step

    @step(http("POST", "/items/:stream/:group/:id"))
    async def put(stream: str, group: str, id: str, body: dict, ctx: Context):
        return await ctx.streams[stream].set(group, id, body)

    @step(http("DELETE", "/items/:stream/:group/:id"))
    async def remove(stream: str, group: str, id: str, ctx: Context):
        return await ctx.streams[stream].delete(group, id)

    @step(http("POST", "/events/:stream/:group"))
    async def send(stream: str, group: str, body: dict, ctx: Context):
        channel = {"groupId": group, "id": body.get("id")}
        await ctx.streams[stream].send(channel, body["event"])
"""


class Client:
    """One socket. `frame()` is the next frame, decoded."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self._pings = 0

    async def send(self, message: Any) -> None:
        await self.socket.send(message if isinstance(message, str | bytes) else json.dumps(message))

    async def join(self, stream: str, group: str, id: str | None = None, **data: Any) -> None:
        place = {"streamName": stream, "groupId": group} | ({} if id is None else {"id": id})
        await self.send({"type": "join", "data": {"subscriptionId": "s", **place, **data}})

    async def leave(self, stream: str, group: str, id: str | None = None, **data: Any) -> None:
        place = {"streamName": stream, "groupId": group} | ({} if id is None else {"id": id})
        await self.send({"type": "leave", "data": {"subscriptionId": "s", **place, **data}})

    async def frame(self) -> Any:
        async with asyncio.timeout(60):
            return json.loads(await self.socket.recv())

    async def event(self) -> Any:
        return (await self.frame())["event"]

    async def frames_so_far(self) -> list[Any]:
        """Everything that was told before now."""
        self._pings += 1
        await self.send({"type": "ping", "timestamp": self._pings})
        found = []
        while (frame := await self.frame()) != {"type": "pong", "timestamp": self._pings}:
            found.append(frame)
        return found

    async def closed(self) -> int:
        """The code the server closes with; what came before it is not looked at."""
        async with asyncio.timeout(60):
            with contextlib.suppress(ConnectionClosed):
                while True:
                    await self.socket.recv()
        return self.socket.close_code or 0


class Served:
    """A running project and its address."""

    def __init__(self, app: TestApp, port: int) -> None:
        self.app = app
        self.port = port

    @contextlib.asynccontextmanager
    async def client(
        self, path: str = "/", *, name: str = "127.0.0.1", **options: Any
    ) -> AsyncIterator[Client]:
        options = {
            "proxy": None,
            "compression": None,
            "close_timeout": 0.2,
            "host": "127.0.0.1",
            "port": self.port,
            **options,
        }
        async with connect(f"ws://{name}:{self.port}{path}", **options) as socket:
            yield Client(socket)

    async def put(self, stream: str, group: str, id: str, item: Any) -> Any:
        answer = await self.app.http.post(f"/items/{stream}/{group}/{id}", json=item)
        assert answer.status_code == 200, answer
        return answer.json()

    async def delete(self, stream: str, group: str, id: str) -> Any:
        return await self.app.http.delete(f"/items/{stream}/{group}/{id}")

    async def send(self, stream: str, group: str, event: Any, id: str | None = None) -> None:
        answer = await self.app.http.post(f"/events/{stream}/{group}", json={"event": event, "id": id})
        assert answer.status_code == 200, answer


Scenario = Callable[[Served], Awaitable[None]]


class Project:
    """Files of a project in a temporary folder; `run` serves it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file("steps/items_step.py", STEPS)

    def file(self, name: str, source: str) -> None:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(source))

    def stream(self, name: str, source: str | None = None) -> None:
        self.file(f"steps/{name}_stream.py", source or f'config = {{"name": {name!r}}}')

    def run(self, scenario: Scenario, *, clock: Clock | None = None, **settings: Any) -> None:
        """Run `scenario` with the served project; it fails after 50 s."""
        given = Settings.model_validate({"project_dir": self.folder, "port": 0, **settings})

        async def main() -> None:
            async with asyncio.timeout(50), TestApp(clock=clock, settings=given) as app:
                listener = socket.create_server(("127.0.0.1", 0))
                assert app.app.gateway is not None
                server = NodeServer(app.app.gateway, {"api": listener}, limits=given.limits)
                port = listener.getsockname()[1]
                await server.serve_started()
                try:
                    await scenario(Served(app, port))
                finally:
                    await asyncio.gather(app.app.drain(), server.closed(1.0))

        asyncio.run(main())
