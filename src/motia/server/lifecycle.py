"""Serves a started application until it is told to drain."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping

from motia.server.http_server import NodeServer
from motia.server.node_app import NodeApp
from motia.settings import Settings

_LAST_WORDS_S = 1.0
_LINGER_S = 2.0
# In development the client is on this machine: a browser's idle connection would show it the old code.
_DEVELOPMENT_LINGER_S = 0.1


async def serve_until(
    app: NodeApp,
    listeners: Mapping[str, socket.socket],
    *,
    settings: Settings,
    drain: asyncio.Event,
    on_serving: Callable[[], None],
    on_draining: Callable[[], None] = lambda: None,
) -> bool:
    """Serve `app` until `drain` is set, then let everything finish, within `drain_s` and the grace.

    `on_serving` is called once connections are accepted, `on_draining` once none is any more.
    Result: False if a request had to be cut. `app` is drained but not stopped. *Cancellation*: cuts
    every connection at once.
    """
    linger_s = _DEVELOPMENT_LINGER_S if settings.mode == "development" else _LINGER_S
    assert app.gateway is not None
    server = NodeServer(app.gateway, listeners, limits=settings.limits, linger_s=linger_s)
    await server.serve_started()
    on_serving()
    await drain.wait()
    # What the kernel has accepted already is taken over before the listener goes.
    await asyncio.sleep(0)
    server.begin_drain()
    on_draining()
    limit_s = settings.drain_s + settings.queue.cancel_grace_s + _LAST_WORDS_S
    try:
        finished, _ = await asyncio.gather(server.closed(limit_s), app.drain())
    except asyncio.CancelledError:
        await server.closed(0.0)
        raise
    return finished
