"""A small real application for tests of server and supervisor: its behaviour is the project's `behaviour.py`.

That file may define VERSION, and `on_start()`. Paths: `/` version, `/pid`, `/told` pids of dead nodes,
`/hang` blocks the loop for ever, `/crash` aborts, `/exit`, `/segv`, `/late` answers once it drains,
`/listener`, `/worn` asks for a replacement; anything else: the body, echoed.
"""

from __future__ import annotations

import asyncio
import json
import os
import runpy
import signal
from collections.abc import Callable
from typing import Any

from motia.core.occurrence import Request
from motia.http.response import HttpResponse
from motia.settings import Settings


class FakeApp:
    def __init__(
        self,
        settings: Settings,
        *,
        slot: int = 0,
        beat: Callable[[], None] | None = None,
        worker_sockets: Any = None,
    ) -> None:
        self.settings = settings
        self.slot = slot
        self.project: dict[str, Any] = {}
        self.draining = asyncio.Event()
        self.told: list[int] = []
        self.running_now: list[str] = []
        self.worn_reason: str | None = None
        self.beat = beat

    @staticmethod
    def preload() -> None:
        pass

    async def start(self) -> None:
        self.project = runpy.run_path(str(self.settings.project_dir / "behaviour.py"))
        if "on_start" in self.project:
            self.project["on_start"]()

    async def drain(self) -> None:
        self.draining.set()

    async def stop(self) -> None:
        (self.settings.project_dir / f"stopped-{os.getpid()}").touch()

    def banner(self) -> dict[str, Any]:
        return {"lines": [f"version {self.project['VERSION']}"]}

    def running(self) -> dict[str, list[str]]:
        return {"python": self.running_now}

    def worn(self) -> str | None:
        return self.worn_reason

    def node_died(self, pid: int) -> None:
        self.told.append(pid)

    max_body_bytes = 1024 * 1024

    @property
    def gateway(self) -> FakeApp:
        return self

    def admit(self, request: Request, raw_path: str, listener: str) -> FakeApp:
        request.route = listener
        return self

    def finish(self, request: Request, response: HttpResponse) -> HttpResponse:
        return response

    def upgrade(self, request: Request, listener: str) -> None:
        return None

    def broke_off(self, request: Request, error: Exception) -> None:
        print(f"{request.path}: {error!r}")

    async def answer(self, request: Request, give_up: Any) -> HttpResponse:
        body = await self.body_for(request)
        return HttpResponse(200, [(b"content-length", b"%d" % len(body))], body)

    async def body_for(self, request: Request) -> bytes:
        match request.path:
            case "/":
                return str(self.project["VERSION"]).encode()
            case "/pid":
                return json.dumps({"pid": os.getpid(), "slot": self.slot}).encode()
            case "/told":
                return json.dumps(self.told).encode()
            case "/listener":
                return request.route.encode()
            case "/worn":
                self.worn_reason = "tired threads"
                return b"ok"
            case "/hang":
                self.running_now = ["hanging-step"]
                if self.beat is not None:
                    self.beat()
                self.project["hang"]()
            case "/crash":
                os.abort()
            case "/exit":
                os._exit(7)
            case "/kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "/late":
                await self.draining.wait()
                return b"late"
        return request.body
