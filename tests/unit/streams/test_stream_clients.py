"""The client for Python, and the view that tests have."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest
from served_project import Project, Served

from motia.client import StreamClient
from motia.errors import AccessError, HandlerError


def test_the_client_follows_a_group_over_lost_connections(project: Project) -> None:
    async def scenario(served: Served) -> None:
        await served.put("chat", "g", "1", {"n": 1})
        async with StreamClient(f"http://127.0.0.1:{served.port}") as client:
            async with aclosing(client.follow("chat", "g")) as changes:
                first = await anext(changes)
                assert (first.type, first.items) == ("sync", {"1": {"n": 1, "id": "1"}})
                await served.put("chat", "g", "2", {"n": 2})
                await served.send("chat", "g", {"type": "typing", "data": None})
                created, event = await anext(changes), await anext(changes)
                assert (created.type, created.id, list(created.items)) == ("create", "2", ["1", "2"])
                assert event.data == {"type": "typing", "data": None}
                sockets = served.app.app.sockets
                assert sockets is not None
                for socket in list(sockets._open):
                    socket._transport.abort()
                await served.delete("chat", "g", "1")
                await served.put("chat", "g", "2", {"n": 3})
                async with asyncio.timeout(30):
                    gone, changed = await anext(changes), await anext(changes)
                assert (gone.type, gone.data) == ("delete", {"n": 1, "id": "1"})
                assert changed.items == {"2": {"n": 3, "id": "2"}}
            last = client.follow("chat", "g", "nothing")
            assert (await anext(last)).items == {}
        assert [change async for change in last] == []

    project.run(scenario)


def test_the_client_puts_pieces_of_text_together(project: Project) -> None:
    project.file(
        "steps/talk_step.py",
        """
        from motia import http, step

        @step(http("POST", "/talk"))
        async def talk(ctx):
            async with ctx.streams.chat.writer("g", "1") as writer:
                for piece in ("Hel", "lo 🙂", " world"):
                    await writer.append(piece)
        """,
    )

    async def scenario(served: Served) -> None:
        client = StreamClient(f"http://127.0.0.1:{served.port}")
        async with aclosing(client.follow("chat", "g")) as changes:
            await anext(changes)
            await served.app.http.post("/talk")
            texts = [(await anext(changes)).items["1"]["text"] for _ in range(4)]
            assert texts == ["", "Hel", "Hello 🙂", "Hello 🙂 world"]

    project.run(scenario)


def test_the_client_is_told_what_it_may_not(project: Project) -> None:
    project.file("app.py", "def stream_auth(request):\n    return {'ada': {}}.get(request.token)\n")

    async def scenario(served: Served) -> None:
        url = f"http://127.0.0.1:{served.port}"
        for token, stream, code in (
            ("bob", "chat", "access.unauthenticated"),
            ("ada", "nope", "access.denied"),
        ):
            with pytest.raises(AccessError) as refused:
                await anext(StreamClient(url, token=token).follow(stream, "g"))
            assert refused.value.code == code
        async with aclosing(StreamClient(url, token="ada").follow("chat", "g")) as changes:
            assert (await anext(changes)).type == "sync"

    project.run(scenario)


def test_a_test_reads_and_follows_streams_without_a_socket(project: Project) -> None:
    async def scenario(served: Served) -> None:
        streams = served.app.streams
        async with streams.follow("chat", "g") as follower:
            assert (await follower.next())["event"] == {"type": "sync", "data": []}
            await served.put("chat", "g", "1", {"n": 1})
            assert (await follower.next())["event"]["type"] == "create"
        await served.put("chat", "g", "2", {})
        assert len(follower.frames) == 2
        assert await streams.get("chat", "g", "1") == {"n": 1, "id": "1"}
        assert await streams.get("chat", "g", "3") is None
        assert [item["id"] for item in await streams.group("chat", "g")] == ["1", "2"]
        with pytest.raises(HandlerError, match="nope"):
            async with streams.follow("nope", "g"):
                pass

    project.run(scenario)
