"""The wire as published clients know it, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest
from served_project import Project, Served
from websockets.exceptions import InvalidStatus


def test_a_group_is_synced_and_then_told_of_every_change(project: Project) -> None:
    async def scenario(served: Served) -> None:
        await served.put("chat", "g", "1", {"text": "old"})
        async with served.client() as client:
            await client.join("chat", "g")
            sync = await client.frame()
            assert sync["event"] == {"type": "sync", "data": [{"text": "old", "id": "1"}]}
            await served.put("chat", "g", "2", {"text": "a"})
            await served.put("chat", "g", "2", {"text": "b"})
            await served.delete("chat", "g", "2")
            frames = [await client.frame() for _ in range(3)]
            assert [frame["event"] for frame in frames] == [
                {"type": "create", "data": {"text": "a", "id": "2"}},
                {"type": "update", "data": {"text": "b", "id": "2"}},
                {"type": "delete", "data": {"text": "b", "id": "2"}},
            ]
            assert {(one["streamName"], one["groupId"], one["id"]) for one in frames} == {("chat", "g", "2")}
            told = [sync, *frames]
            stamps = [frame["timestamp"] for frame in told]
            assert stamps == sorted(set(stamps))
            first = sync["version"]
            assert [frame["version"] for frame in told] == [first, first + 1, first + 2, first + 3]

    project.run(scenario)


def test_an_item_is_synced_only_if_it_exists(project: Project) -> None:
    async def scenario(served: Served) -> None:
        async with served.client() as client:
            await client.join("chat", "g", "1")
            assert await client.frames_so_far() == []
            await served.put("chat", "g", "1", {"n": 1})
            await served.put("chat", "g", "other", {"n": 1})
            await client.join("chat", "g", "1", subscriptionId="again")
            events = [frame["event"] for frame in await client.frames_so_far()]
            item = {"n": 1, "id": "1"}
            assert events == [{"type": "create", "data": item}, {"type": "sync", "data": item}]

    project.run(scenario)


def test_an_empty_group_is_synced(project: Project) -> None:
    async def scenario(served: Served) -> None:
        async with served.client() as client:
            await client.join("chat", "nothing")
            assert await client.event() == {"type": "sync", "data": []}

    project.run(scenario)


def test_one_frame_a_socket_for_group_and_item(project: Project) -> None:
    async def scenario(served: Served) -> None:
        async with served.client() as client:
            await client.join("chat", "g", subscriptionId="a")
            await client.join("chat", "g", "1", subscriptionId="b")
            await client.join("chat", "g", subscriptionId="c")
            await client.frames_so_far()
            await served.put("chat", "g", "1", {})
            await served.send("chat", "g", {"type": "typing", "data": 1}, "1")
            await served.put("chat", "g", "2", {})
            found = [frame["event"]["type"] for frame in [await client.frame() for _ in range(3)]]
            assert found == ["create", "event", "create"]
            assert await client.frames_so_far() == []

    project.run(scenario)


def test_an_item_of_one_group_never_reaches_the_other(project: Project) -> None:
    async def scenario(served: Served) -> None:
        async with served.client() as client:
            await client.join("chat", "a", "1")
            await client.join("chat", "a:1")
            await client.frames_so_far()
            await served.put("chat", "b", "1", {})
            await served.put("chat", "a", "2", {})
            await served.put("chat", "a", "1", {})
            frame = await client.frame()
            assert (frame["groupId"], frame["id"]) == ("a", "1")
            assert await client.frames_so_far() == []

    project.run(scenario)


def test_events_reach_the_group_and_the_item_they_are_sent_to(project: Project) -> None:
    async def scenario(served: Served) -> None:
        async with served.client() as group, served.client() as item:
            await group.join("chat", "g")
            await item.join("chat", "g", "1")
            await group.frames_so_far()
            await item.frames_so_far()
            await served.send("chat", "g", {"type": "all", "data": {"n": 1}})
            await served.send("chat", "g", {"type": "one", "data": None}, "1")
            assert [await group.event(), await group.event()] == [
                {"type": "event", "event": {"type": "all", "data": {"n": 1}}},
                {"type": "event", "event": {"type": "one", "data": None}},
            ]
            assert await item.event() == {"type": "event", "event": {"type": "one", "data": None}}

    project.run(scenario)


def test_a_delete_of_what_is_not_there_tells_nobody(project: Project) -> None:
    async def scenario(served: Served) -> None:
        async with served.client() as client:
            await client.join("chat", "g")
            await client.frame()
            answer = await served.delete("chat", "g", "1")
            assert answer.status_code == 200
            assert await client.frames_so_far() == []

    project.run(scenario)


def test_who_left_is_told_nothing_more(project: Project) -> None:
    async def scenario(served: Served) -> None:
        async with served.client() as client:
            await client.join("chat", "g", subscriptionId="a")
            await client.join("chat", "g", subscriptionId="b")
            await client.leave("chat", "g", subscriptionId="a")
            await client.leave("chat", "g", subscriptionId="never")
            await client.frames_so_far()
            await served.put("chat", "g", "1", {})
            assert (await client.event())["type"] == "create"
            await client.leave("chat", "g", subscriptionId="b")
            await client.frames_so_far()
            await served.put("chat", "g", "2", {})
            assert await client.frames_so_far() == []

    project.run(scenario)


@pytest.mark.parametrize("name", ["a:b", "a/b", "with space", "日本語", "🙂", "%2F", "__proto__", "x" * 1024])
def test_names_of_any_characters(project: Project, name: str) -> None:
    project.file(
        "steps/odd_step.py",
        """
        from motia import Context, http, step

        @step(http("POST", "/odd"))
        async def odd(body: dict, ctx: Context):
            return await ctx.streams.chat.set(body["group"], body["id"], {"ok": True})
        """,
    )

    async def scenario(served: Served) -> None:
        async with served.client() as client:
            await client.join("chat", name)
            await client.join("chat", name, name)
            await client.frames_so_far()
            await served.app.http.post("/odd", json={"group": name, "id": name})
            frame = await client.frame()
            assert (frame["groupId"], frame["id"], frame["event"]["data"]["id"]) == (name, name, name)
            assert await client.frames_so_far() == []

    project.run(scenario)


def test_an_unknown_stream_is_denied_and_the_socket_lives(project: Project) -> None:
    async def scenario(served: Served) -> None:
        async with served.client() as client:
            for name in ("nope", "__motia.logs"):
                await client.join(name, "g", "1")
                frame = await client.frame()
                assert (frame["streamName"], frame["groupId"], frame["id"]) == (name, "g", "1")
                assert frame["event"]["event"]["type"] == "error"
                assert frame["event"]["event"]["data"]["code"] == "STREAM_ACCESS_DENIED"
            await client.join("chat", "g")
            assert (await client.event())["type"] == "sync"

    project.run(scenario)


@pytest.mark.parametrize(
    "text",
    [
        "garbage",
        "[]",
        "null",
        '{"type": "other"}',
        '{"type": "join"}',
        '{"type": "join", "data": {"streamName": "chat"}}',
        '{"type": "join", "data": {"streamName": 5.5, "groupId": "g"}}',
        '{"type": "join", "data": {"streamName": "chat", "groupId": ""}}',
        '{"type": "join", "data": {"streamName": "chat", "groupId": "' + "x" * 1025 + '"}}',
        '{"type": "join", "data": {"streamName": "chat", "groupId": "g", "version": "1"}}',
        '{"type": "join", "data": {"streamName": "chat", "groupId": "g", "version": -1}}',
        "[" * 100_000,
    ],
)
def test_a_message_that_makes_no_sense_is_answered(project: Project, text: str) -> None:
    async def scenario(served: Served) -> None:
        async with served.client() as client:
            await client.send(text)
            told = (await client.event())["event"]
            assert (told["type"], told["data"]["code"]) == ("error", "STREAM_BAD_MESSAGE")
            await client.join("chat", "g")
            assert (await client.event())["type"] == "sync"

    project.run(scenario)


def test_what_is_no_text_closes_that_socket_alone(project: Project) -> None:
    async def scenario(served: Served) -> None:
        async with served.client() as witness:
            await witness.join("chat", "g")
            await witness.frame()
            expected: list[tuple[Any, int]] = [(b"{}", 1003), ("x" * (1024 * 1024 + 1), 1009)]
            for message, code in expected:
                async with served.client() as client:
                    await client.send(message)
                    assert await client.closed() == code
            async with served.client() as client:
                client.socket.protocol.send_text(b"\xff\xfe")
                for data in client.socket.protocol.data_to_send():
                    client.socket.transport.write(data)
                assert await client.closed() == 1007
            async with served.client() as client:
                for _ in range(20):
                    await client.send("garbage")
                assert await client.closed() == 1008
            async with served.client() as client:
                client.socket.transport.write(b"\xff\xff\xff\xff")
                assert await client.closed() == 1002
            await served.put("chat", "g", "1", {})
            assert (await witness.event())["type"] == "create"

    project.run(scenario)


def test_a_long_message_may_come_in_pieces(project: Project) -> None:
    async def scenario(served: Served) -> None:
        async with served.client() as client:
            await client.socket.send(iter(['{"type":"pi', 'ng","time', 'stamp":7}']))
            assert await client.frame() == {"type": "pong", "timestamp": 7}

    project.run(scenario)


def test_the_first_subprotocol_offered_is_echoed(project: Project) -> None:
    async def scenario(served: Served) -> None:
        async with served.client(subprotocols=["Authorization", "token"]) as client:
            assert client.socket.subprotocol == "Authorization"
        async with served.client("/any/path?authToken=x") as client:
            assert client.socket.subprotocol is None

    project.run(scenario)


@pytest.mark.parametrize(
    ("origin", "settings", "allowed"),
    [
        ("http://localhost:5173", {}, True),
        ("http://127.0.0.1:1", {}, True),
        ("http://evil.example", {}, False),
        ("null", {}, False),
        ("http://rebound.example:{port}", {}, False),
        ("https://app.example", {"cors": {"origins": ["https://app.example"]}}, True),
        ("http://localhost:5173", {"mode": "production"}, False),
        ("http://127.0.0.1:{port}", {"mode": "production"}, True),
        ("https://any.example", {"mode": "production", "cors": {"origins": ["*"]}}, True),
    ],
)
def test_foreign_pages_are_refused(
    project: Project, origin: str, settings: dict[str, Any], allowed: bool
) -> None:
    async def scenario(served: Served) -> None:
        headers = {"Origin": origin.replace("{port}", str(served.port))}
        name = "rebound.example" if "rebound" in origin else "127.0.0.1"
        refusal = contextlib.nullcontext() if allowed else pytest.raises(InvalidStatus, match="403")
        with refusal:
            async with served.client(name=name, additional_headers=headers) as client:
                await client.join("chat", "g")
                assert (await client.event())["type"] == "sync"

    project.run(scenario, **settings)


def test_a_drain_sends_clients_away_with_1012(project: Project) -> None:
    async def scenario(served: Served) -> None:
        async with served.client() as client:
            await client.join("chat", "g")
            await client.frame()
            draining = asyncio.ensure_future(served.app.app.drain())
            assert await client.closed() == 1012
            await draining
            with pytest.raises(InvalidStatus) as refused:
                async with served.client():
                    pass
            assert refused.value.response.status_code == 503

    project.run(scenario)


def test_a_version_that_is_known_is_resumed_without_gap(project: Project) -> None:
    async def scenario(served: Served) -> None:
        await served.put("chat", "g", "1", {"n": 1})
        async with served.client() as client:
            await client.join("chat", "g", version=None)
            version = (await client.frame())["version"]
        await served.put("chat", "g", "2", {"n": 2})
        await served.delete("chat", "g", "1")
        await served.send("chat", "g", {"type": "gone", "data": None})
        async with served.client() as client:
            await client.join("chat", "g", version=version)
            frames = await client.frames_so_far()
            told = [(frame["event"]["type"], frame.get("version")) for frame in frames]
            assert told == [("resumed", version), ("create", version + 1), ("delete", version + 2)]
            await client.join("chat", "g", "1", version=version, subscriptionId="item")
            told = [(frame["event"]["type"], frame["id"]) for frame in await client.frames_so_far()]
            assert told == [("resumed", "1"), ("delete", "1")]
            await client.join("chat", "g", version=version - 100, subscriptionId="lost")
            assert (await client.event())["type"] == "sync"
            await client.join("chat", "g", "nothing", version=None)
            assert await client.event() == {"type": "sync", "data": None}

    project.run(scenario)
