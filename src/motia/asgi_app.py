"""A project as an ASGI application, for whoever has a server already."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from motia.app import App
from motia.server.asgi import Asgi
from motia.settings.load import load_settings


class AsgiApp:
    """`await app(scope, receive, send)`: one node, started with the server's lifespan, else by its first
    request. Several worker processes of that server are several nodes on one file."""

    def __init__(self, project_dir: str | Path) -> None:
        self._project_dir = Path(project_dir).resolve()
        self._starting = asyncio.Lock()
        self._app: App | None = None
        self._asgi: Asgi | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        await (await self._started())(scope, receive, send)

    async def _started(self) -> Asgi:
        async with self._starting:
            if self._asgi is None:
                settings = load_settings(self._project_dir, mode="production").settings
                app = App(settings)
                await app.start()
                assert app.gateway is not None
                self._app, self._asgi = app, Asgi(app.gateway, app.sockets)
        return self._asgi

    async def _live(self, receive: Any, send: Any) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                try:
                    await self._started()
                except Exception as error:
                    await send({"type": "lifespan.startup.failed", "message": str(error)})
                    return
                await send({"type": "lifespan.startup.complete"})
            else:
                app, self._app, self._asgi = self._app, None, None
                if app is not None:
                    await app.drain()
                    await app.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return
