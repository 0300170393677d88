"""SIGTERM under load: no request is cut, what runs ends or is given back uncharged, exit 0."""

from __future__ import annotations

import asyncio

from real_process import Project, eventually, run

from motia import encoding

STEPS = {
    "slow": """
        config = {"name": "Slow", "triggers": [http("POST", "/slow")]}
        async def handler(request, ctx):
            await asyncio.sleep(0.05)
            await ctx.enqueue("work", request.body)
            return {"ok": True}
        """,
    "work": """
        config = {"name": "Work", "triggers": [queue("work", attempts=1)]}
        async def handler(input, ctx):
            await asyncio.sleep(0.2)
            await ctx.state.increment("done", str(input))
        """,
    "endless": """
        import threading
        config = {"name": "Endless", "triggers": [queue("endless", attempts=1)]}
        async def handler(input, ctx):
            await ctx.state.increment("started", "async")
            await asyncio.Event().wait()
        """,
    "thread": """
        import threading
        config = {"name": "Thread", "triggers": [queue("thread", attempts=1)]}
        def handler(input, ctx):
            ctx.state.increment("started", "thread")
            threading.Event().wait()
        """,
    "begin": """
        config = {"name": "Begin", "triggers": [http("POST", "/begin")]}
        async def handler(request, ctx):
            await ctx.enqueue([{"topic": "endless"}, {"topic": "thread"}])
            return {"ok": True}
        """,
}
_CLIENTS = 10


class Cut(Exception):
    """A request was sent on an open connection and got no whole answer."""


async def ask(host: str, port: int, path: str, number: int, *, keep: bool, stop: asyncio.Event) -> int:
    """Requests one after the other until nobody listens; how many were answered."""
    answered = 0
    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None
    while True:
        if writer is None or reader is None:
            try:
                reader, writer = await asyncio.open_connection(host, port)
            except OSError:
                assert stop.is_set(), "nobody listens before SIGTERM"
                return answered
        body = str(number * 100_000 + answered).encode()
        connection = "keep-alive" if keep else "close"
        writer.write(
            f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: {connection}\r\n\r\n".encode()
            + body
        )
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            writer.close()
            # Nobody had taken the connection over when the listener went: it was never accepted.
            raise Cut(f"after {answered} answers on {connection}: {error!r}") from error
        assert head.startswith(b"HTTP/1.1 200"), head
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        answered += 1
        if b"connection: close" in head.lower() or not keep:
            writer.close()
            reader = writer = None


def test_sigterm_cuts_nothing_and_charges_nothing(real_project: Project) -> None:
    for name, source in STEPS.items():
        real_project.step(name, source)
    real_project.file("motia.toml", "drain_s = 4\n[queue]\ncancel_grace_s = 0.5\n")

    async def main() -> None:
        with real_project.running("start", "--nodes", "2") as running:
            base = await running.ready()
            host, port = base.removeprefix("http://").split(":")
            stop = asyncio.Event()
            _, writer = begin = await asyncio.open_connection(host, int(port))
            writer.write(b"POST /begin HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            assert (await begin[0].read()).startswith(b"HTTP/1.1 200")
            writer.close()

            async def both_started() -> bool | None:
                async with real_project.store() as backend:
                    return len(await backend.state.entries("started", 0)) == 2 or None

            await eventually(both_started, 40, lambda: running.text)
            clients = [
                asyncio.create_task(ask(host, int(port), "/slow", number, keep=number % 2 == 0, stop=stop))
                for number in range(_CLIENTS)
            ]

            async def some_done() -> bool | None:
                async with real_project.store() as backend:
                    return len(await backend.state.entries("done", 0)) > 20 or None

            await eventually(some_done, 40, lambda: running.text)
            stop.set()
            code = await running.stop()
            answered = sum(await asyncio.gather(*clients))
            assert code == 0, running.text
        async with real_project.store() as backend:
            done = await backend.state.entries("done", 0)
            depths = {one.queue.step: one for one in await backend.queue.depths()}
            assert await backend.queue.dead_letters() == []
        waiting = depths["Work"].ready if "Work" in depths else 0
        assert all(one.claimed == 0 for one in depths.values())
        # Every answered request left a message that is done or waits; none was done twice.
        assert len(done) + waiting == answered
        assert {encoding.decode(entry.value) for entry in done} == {1}
        # What would never end was given back; its one attempt was not charged.
        assert (depths["Endless"].ready, depths["Thread"].ready) == (1, 1)

    run(main)
