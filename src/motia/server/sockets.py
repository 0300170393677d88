"""All WebSockets of a node: who may open one, the sweep over them, and their end in a drain."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from motia.core.clock import Timer
from motia.core.occurrence import Request
from motia.engine.engine import Engine
from motia.engine.stream_session import Connection, Session
from motia.server.origin import OriginRule
from motia.server.websocket import WebSocket

_SWEEP_S = 5.0
_SWEEPS_A_PING = 5
_SERVICE_RESTART = 1012
_SPREAD_S = 2.0
"""Over which clients are sent to the next node in production, so that they do not all come at once."""


class Ending(Protocol):
    """A connection that ends when the node does."""

    def end(self, code: int, reason: str = "") -> None: ...


class Sockets:
    """A `Service`. *Concurrency*: all on the engine's loop."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._origins = OriginRule(engine.settings)
        limits = engine.settings.streams
        self.max_frame_bytes = limits.frame_bytes
        self.buffer_bytes = limits.buffer_bytes
        self.patience_s = limits.patience_s
        self._most = limits.connections
        self._open: dict[WebSocket, None] = {}
        self._others: dict[Ending, None] = {}
        self._timer: Timer | None = None
        self._sweeps = 0
        self._draining = False

    @property
    def now_s(self) -> float:
        return self._engine.clock.monotonic_s()

    @property
    def count(self) -> int:
        """Connections that follow streams, sockets and event streams."""
        return len(self._open) + len(self._others)

    async def start(self) -> None:
        if self._timer is None:
            self._timer = self._engine.clock.call_later(_SWEEP_S, self._sweep, backstop=True)

    async def stop(self) -> None:
        self._draining = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._end_all([*self._open, *self._others])

    async def drain(self) -> None:
        """Let nobody in any more, and send everybody elsewhere: at once in development."""
        self._draining = True
        leaving: list[Ending] = [*self._open, *self._others]
        if self._engine.settings.mode == "production" and leaving:
            steps = min(len(leaving), 20)
            for step in range(steps):
                self._end_all(leaving[step::steps])
                await asyncio.wait([asyncio.ensure_future(self._engine.clock.sleep(_SPREAD_S / steps))])
        else:
            self._end_all(leaving)

    @staticmethod
    def _end_all(connections: list[Ending]) -> None:
        for connection in connections:
            connection.end(_SERVICE_RESTART, "the server restarts")

    # For connections --------------------------------------------------------------------------------

    def open(self, request: Request) -> WebSocket:
        """The protocol of a connection that asks for a WebSocket."""
        return WebSocket(request, self)

    def refusal(self, request: Request) -> tuple[int, str] | None:
        """Status and text for a client that is let in under no name; None for the others."""
        if not self._origins.allows(list(request.headers)):
            return 403, "this origin may not follow streams here\n"
        if self._draining or self.count > self._most:
            return 503, "try again later\n"
        return None

    async def admit(self, request: Request) -> Any:
        """The context of the connection. Failure: `Denied`."""
        return await self._engine.streams.gate.admit(request)

    def session(self, connection: Connection, request: Request, context: Any) -> Session:
        return Session(self._engine, connection, request, context)

    def add(self, connection: WebSocket) -> None:
        self._open[connection] = None

    def remove(self, connection: WebSocket) -> None:
        self._open.pop(connection, None)

    def add_other(self, connection: Ending) -> None:
        self._others[connection] = None

    def remove_other(self, connection: Ending) -> None:
        self._others.pop(connection, None)

    def _sweep(self) -> None:
        self._sweeps += 1
        ping = self._sweeps % _SWEEPS_A_PING == 0
        now_s = self.now_s
        for connection in list(self._open):
            connection.check(now_s, ping=ping)
        self._timer = self._engine.clock.call_later(_SWEEP_S, self._sweep, backstop=True)
