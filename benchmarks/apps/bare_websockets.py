"""The floor of a fan-out: the `websockets` library's own server and `broadcast`, on uvloop, and nothing else.

A client that sends a number gets, with all the others, a text as long as our frames that many times.
"""

from __future__ import annotations

import asyncio
import sys
from http import HTTPStatus

import uvloop
from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.http11 import Request, Response

FRAME_BYTES = 245
_TEXT = "x" * FRAME_BYTES


async def main(port: int) -> None:
    connections: set[ServerConnection] = set()

    async def handle(connection: ServerConnection) -> None:
        connections.add(connection)
        await connection.send("joined")
        try:
            async for message in connection:
                for _ in range(int(message)):
                    broadcast(connections, _TEXT)
                    await asyncio.sleep(0)
        finally:
            connections.discard(connection)

    def hello(connection: ServerConnection, request: Request) -> Response | None:
        return connection.respond(HTTPStatus.OK, "hello\n") if request.path == "/hello" else None

    async with serve(handle, "127.0.0.1", port, compression=None, process_request=hello, ping_interval=None):
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
