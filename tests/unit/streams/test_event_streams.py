"""Streams as server-sent events: the same frames, the same rules, resumed by `Last-Event-ID`."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from served_project import Project, Served


class Events:
    """One event stream. `event()` is the next event as `(id, frame)`."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()

    async def event(self) -> tuple[str | None, Any]:
        fields: dict[str, str] = {}
        async with asyncio.timeout(30):
            async for line in self._lines:
                name, _, value = line.partition(": ")
                if line and name:
                    fields[name] = value
                elif "data" in fields:
                    return fields.get("id"), json.loads(fields["data"])
        raise EOFError

    async def ended(self) -> bool:
        with pytest.raises(EOFError):
            await self.event()
        return True


@contextlib.asynccontextmanager
async def follow(served: Served, path: str, **headers: str) -> AsyncIterator[Events]:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{served.port}") as http:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        async with http.stream("GET", f"/__motia/streams/{path}", headers=sent) as response:
            yield Events(response)


def test_an_event_stream_tells_what_a_socket_tells(project: Project) -> None:
    async def scenario(served: Served) -> None:
        await served.put("chat", "g", "1", {"n": 1})
        async with follow(served, "chat/g") as events:
            assert events.response.headers["content-type"].startswith("text/event-stream")
            id_, sync = await events.event()
            assert sync["event"] == {"type": "sync", "data": [{"n": 1, "id": "1"}]}
            assert id_ == str(sync["version"])
            await served.send("chat", "g", {"type": "typing", "data": None})
            await served.put("chat", "g", "2", {"n": 2})
            assert (await events.event())[1]["event"]["type"] == "event"
            id_, created = await events.event()
            assert created["event"] == {"type": "create", "data": {"n": 2, "id": "2"}}
            assert id_ == str(sync["version"] + 1)

    project.run(scenario)


def test_a_reconnect_resumes_from_the_last_event(project: Project) -> None:
    async def scenario(served: Served) -> None:
        await served.put("chat", "g", "1", {})
        async with follow(served, "chat/g") as events:
            id_, _ = await events.event()
        assert id_ is not None
        await served.put("chat", "g", "2", {})
        await served.delete("chat", "g", "1")
        async with follow(served, "chat/g", Last_Event_ID=id_) as events:
            told = [(await events.event())[1]["event"]["type"] for _ in range(3)]
            assert told == ["resumed", "create", "delete"]
        for wrong in ("abc", "-1", "1" * 40, "5"):
            async with follow(served, "chat/g", Last_Event_ID=wrong) as events:
                assert (await events.event())[1]["event"]["type"] == "sync"

    project.run(scenario)


def test_one_item_and_names_with_slashes(project: Project) -> None:
    async def scenario(served: Served) -> None:
        async with follow(served, "chat/a%2Fb?id=x%2Fy") as events:
            _, sync = await events.event()
            assert (sync["groupId"], sync["id"]) == ("a/b", "x/y")
            assert sync["event"] == {"type": "sync", "data": None}

    project.run(scenario)


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("nope/g", {}, 403),
        ("__motia.logs/g", {}, 403),
        ("chat", {}, 404),
        ("chat/g/1", {}, 404),
        ("chat/g", {"Origin": "http://evil.example"}, 403),
        ("chat/g", {"Host": "rebound.example:3001"}, 403),
    ],
)
def test_refusals_are_problems(project: Project, path: str, headers: dict[str, str], status: int) -> None:
    async def scenario(served: Served) -> None:
        async with follow(served, path, **headers) as events:
            assert events.response.status_code == status
            assert events.response.headers["content-type"] == "application/problem+json"

    project.run(scenario)


def test_who_is_not_known_gets_401(project: Project) -> None:
    project.file("app.py", "def stream_auth(request):\n    return {'ada': {}}.get(request.token)\n")

    async def scenario(served: Served) -> None:
        async with follow(served, "chat/g") as events:
            assert events.response.status_code == 401
        async with follow(served, "chat/g", Authorization="Bearer ada") as events:
            assert (await events.event())[1]["event"]["type"] == "sync"

    project.run(scenario)


def test_a_drain_ends_event_streams(project: Project) -> None:
    async def scenario(served: Served) -> None:
        async with follow(served, "chat/g") as events:
            await events.event()
            await served.app.app.drain()
            assert await events.ended()

    project.run(scenario)


def test_an_answer_that_is_not_read_follows_nothing(project: Project) -> None:
    async def scenario(served: Served) -> None:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{served.port}") as http:
            answer = await http.head("/__motia/streams/chat/g")
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert not served.app.app.engine.streams.sessions

    project.run(scenario)
