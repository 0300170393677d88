"""Serves a gateway on sockets that somebody else opened."""

from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import Mapping

from motia.server.connection import BODY, HANDLING, IDLE, Connection, Shared
from motia.server.gateway import Gateway
from motia.settings import LimitSettings

_DRAIN_POLL_S = 0.05
_BACKLOG = 2048


class NodeServer:
    """HTTP, and what it upgrades to, for one gateway on several listeners.

    `listeners` maps a name to a bound socket; the gateway is told the name with each request.
    The server owns the sockets from `serve_started` on and closes its descriptors when it drains; a
    process that holds another descriptor of the same socket goes on accepting. In a drain an idle
    connection stays open for `linger_s`, for a request that is on its way. *Order*:
    `serve_started`, `begin_drain`, `closed`. All on one event loop.
    """

    def __init__(
        self,
        gateway: Gateway,
        listeners: Mapping[str, socket.socket],
        *,
        limits: LimitSettings,
        linger_s: float = 2.0,
        sweep_s: float = 1.0,
    ) -> None:
        self._listeners = dict(listeners)
        self._sweep_s = sweep_s
        self._servers: list[asyncio.AbstractServer] = []
        self._sweeper: asyncio.Task[None] | None = None
        self._shared = Shared(gateway, limits, linger_s)

    async def serve_started(self) -> None:
        """Accept connections; returns once every listener does."""
        loop = asyncio.get_running_loop()
        self._shared.now_s = loop.time()
        for name, listener in self._listeners.items():

            def connect(name: str = name) -> Connection:
                return Connection(self._shared, name, loop)

            local = listener.family == socket.AF_UNIX
            create = loop.create_unix_server if local else loop.create_server
            self._servers.append(await create(connect, sock=listener, backlog=_BACKLOG))
        self._sweeper = asyncio.create_task(self._sweep_for_ever(), name="motia.server.sweep")

    def begin_drain(self) -> None:
        """Stop accepting; answer what is or will be sent on open connections, then close each. Safe twice."""
        shared = self._shared
        if shared.draining:
            return
        shared.draining = True
        shared.now_s = asyncio.get_running_loop().time()
        for server in self._servers:
            server.close()
        for connection in list(shared.connections):
            connection.linger()

    async def closed(self, timeout_s: float) -> bool:
        """Wait until every connection and request is over; after `timeout_s` cut the rest.

        Result: False if any was cut. Connections that another protocol took over are that protocol's to end.
        """
        self.begin_drain()
        loop = asyncio.get_running_loop()
        shared = self._shared
        end_s = loop.time() + timeout_s
        if self._sweeper is not None:
            self._sweeper.cancel()
        swept_s = loop.time()
        while (shared.connections or shared.left) and loop.time() < end_s:
            await asyncio.sleep(min(_DRAIN_POLL_S, max(0.0, end_s - loop.time())))
            self._sweep(loop.time(), loop.time() - swept_s)
            swept_s = loop.time()
        cut = bool(shared.connections or shared.left)
        for connection in list(shared.connections):
            connection.cut()
        await asyncio.sleep(0)  # lets the transports tell their protocols
        tasks = list(shared.left)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=1.0)
        return not cut

    @property
    def open_connections(self) -> int:
        return len(self._shared.connections)

    async def _sweep_for_ever(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            before_s = loop.time()
            await asyncio.sleep(self._sweep_s)
            self._sweep(loop.time(), loop.time() - before_s)

    def _sweep(self, now_s: float, elapsed_s: float) -> None:
        """One pass over all connections: a timer per request would cost each of them more than this does."""
        self._shared.now_s = now_s
        # While the loop stood still nobody read: the clients get that time back.
        stood_still_s = elapsed_s - 2 * self._sweep_s
        due: list[Connection] = []
        for connection in list(self._shared.connections):
            if stood_still_s > 0:
                connection.deadline_s += stood_still_s
            connection.check(elapsed_s)
            if now_s > connection.deadline_s:
                due.append(connection)
        unread = _readable(due) if due else frozenset()
        for connection in due:
            if connection.phase not in (BODY, HANDLING) and connection in unread:
                # Sent in time, not read yet: the next sweep judges it.
                continue
            connection.expire()


def _readable(connections: list[Connection]) -> frozenset[Connection]:
    """Those idle connections that hold input which the loop has not read yet."""
    by_fd = {
        connection.transport.get_extra_info("socket").fileno(): connection
        for connection in connections
        if connection.phase == IDLE and not connection.transport.is_closing()
    }
    poll = select.poll()
    for fd in by_fd:
        poll.register(fd, select.POLLIN)
    return frozenset(by_fd[fd] for fd, _ in poll.poll(0))
