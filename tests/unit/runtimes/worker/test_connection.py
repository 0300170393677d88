"""What a connection to a worker sends, and when."""

from __future__ import annotations

import asyncio
import socket

import uvloop

from motia.runtimes.worker.connection import Connection


def test_a_burst_of_calls_is_on_its_way_before_the_turn_of_the_loop_is_over() -> None:
    async def scenario() -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX)
        theirs.setblocking(False)
        connection = Connection(on_call=lambda *_: None, on_note=lambda *_: None, on_end=lambda *_: None)
        await asyncio.get_running_loop().create_unix_connection(lambda: connection, sock=ours)
        futures = [connection.call(b"invoke", b'{"input":"%b"}' % (b"x" * 300))[1] for _ in range(20)]
        early = theirs.recv(65536)
        assert 10 <= early.count(b"\n") < 20
        await asyncio.sleep(0)
        connection.close()
        await asyncio.wait(futures)
        assert (early + theirs.recv(65536)).count(b"\n") == 20
        theirs.close()
        for future in futures:
            future.exception()

    uvloop.run(scenario())
