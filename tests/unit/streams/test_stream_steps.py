"""Streams as steps use them: items, atomic blocks, triggers, schemas, texts that grow."""

from __future__ import annotations

import asyncio
import textwrap
from typing import Any

import pytest
from served_project import Project, Served

from motia.testing.clock import ManualClock


def step(project: Project, body: str) -> None:
    """`POST /do` runs `body`, with `chat` and `ctx`."""
    project.file(
        "steps/do_step.py",
        "import asyncio\nfrom motia import *\nfrom motia.errors import ConflictError, HandlerError\n"
        '@step(http("POST", "/do"))\nasync def do(ctx: Context):\n    chat = ctx.streams.chat\n'
        + textwrap.indent(textwrap.dedent(body), "    "),
    )


async def done(served: Served, status: int = 200) -> Any:
    answer = await served.app.http.post("/do")
    assert answer.status_code == status, answer
    return answer.json()


def test_what_the_calls_give(project: Project) -> None:
    step(
        project,
        """
        first = await chat.set("g", "1", {"text": "a", "__motia": "not stored"})
        place = {"type": "state-stream", "streamName": "chat", "groupId": "g", "id": "1"}
        assert first == {"text": "a", "id": "1", "__motia": place}
        assert await chat.get("g", "1") == first
        assert await chat.get("g", "2") is None
        assert await chat.delete("g", "2") is None
        assert await chat.set("g", 2, {"id": "other"}) == {
            "id": "2", "__motia": {**place, "id": "2"}
        }
        assert [item["id"] for item in await chat.get_group("g")] == ["1", "2"]
        assert await chat.getGroup("g") == await chat.list("g")
        changed = await chat.update("g", "1", [{"type": "set", "path": "text", "value": "b"}])
        assert changed["old_value"] == {"text": "a", "id": "1"}
        assert changed["new_value"] == {"text": "b", "id": "1"}
        assert await chat.list_groups() == ["g"]
        assert (await chat.delete("g", "1"))["text"] == "b"
        assert await Stream("chat").get("g", "2") == await ctx.streams["chat"].get("g", "2")
        chat.set("g", "3", {"not": "awaited"})
        return {"ok": True}
        """,
    )

    async def scenario(served: Served) -> None:
        assert await done(served) == {"ok": True}
        assert await served.app.app.backend.streams.get("chat", "g", "3") is not None

    project.run(scenario)


def test_a_def_handler_blocks_and_gets_values(project: Project) -> None:
    project.file(
        "steps/do_step.py",
        """
        from motia import http, step

        @step(http("POST", "/do"))
        def do(ctx):
            ctx.streams.chat.set("g", "1", {"n": 1})
            with ctx.streams.chat.writer("g", "2", final={"done": True}) as writer:
                writer.append("Hello ")
                writer.append("world")
            return ctx.streams.chat.get_group("g")
        """,
    )

    async def scenario(served: Served) -> None:
        found = [{key: item[key] for key in item if key != "__motia"} for item in await done(served)]
        assert found == [{"n": 1, "id": "1"}, {"text": "Hello world", "done": True, "id": "2"}]

    project.run(scenario)


def test_an_unknown_stream_is_the_authors_error_and_hides_no_other(project: Project) -> None:
    step(project, 'await ctx.streams.chart.set("g", "1", {})')

    async def scenario(served: Served) -> None:
        assert (await done(served, 500))["code"] == "streams.unknown"
        assert any("stream 'chart'" in line.message for line in served.app.logs)
        await served.put("chat", "g", "1", {})

    project.run(scenario)


@pytest.mark.parametrize(
    "call",
    [
        'await chat.set("g", "1", {"text": 5})',
        'await chat.set("g", "1", {})',
        'await chat.update("g", "1", [{"type": "set", "path": "text", "value": None}])',
        'await chat.set("g", "1", "no object")',
        'await chat.set("g", "1", None)',
        'await chat.send("g", {"data": "no type"})',
        'await chat.set("", "1", {"text": "a"})',
        "await chat.set(None, '1', {'text': 'a'})",
    ],
)
def test_what_does_not_fit_is_an_error_in_the_step_and_nothing_on_the_wire(
    project: Project, call: str
) -> None:
    project.stream(
        "chat",
        """
        from pydantic import BaseModel

        class Message(BaseModel):
            text: str
            at: str = "now"

        config = {"name": "chat", "schema": Message}
        """,
    )
    step(project, call)

    async def scenario(served: Served) -> None:
        async with served.client() as client:
            await client.join("chat", "g")
            await client.frame()
            answer = await served.app.http.post("/do")
            assert answer.status_code in (400, 500)
            assert answer.json()["code"].startswith("streams.")
            assert await client.frames_so_far() == []
            assert (await served.put("chat", "g", "1", {"text": "a"}))["at"] == "now"
            assert (await client.event())["data"] == {"text": "a", "at": "now", "id": "1"}

    project.run(scenario)


def test_atomic_writes_are_told_together_or_not_at_all(project: Project) -> None:
    step(
        project,
        """
        await chat.set("g", "1", {"n": 1})
        async with ctx.atomic():
            await chat.set("g", "2", {"n": 2})
            assert await chat.update("g", "1", [{"type": "increment", "path": "n"}]) is None
            assert (await chat.get("g", "1"))["n"] == 2
            assert [item["id"] for item in await chat.get_group("g")] == ["1", "2"]
            assert (await chat.delete("g", "2"))["n"] == 2
            assert await chat.get("g", "2") is None
            await chat.send("g", {"type": "both"})
            await ctx.state.set("s", "k", 1)
        try:
            async with ctx.atomic():
                await chat.set("g", "3", {})
                raise KeyError("abandoned")
        except KeyError:
            pass
        return {"ok": True}
        """,
    )

    async def scenario(served: Served) -> None:
        async with served.client() as client:
            await client.join("chat", "g")
            await client.frame()
            assert await done(served) == {"ok": True}
            told = [(frame["event"]["type"], frame.get("id")) for frame in await client.frames_so_far()]
            assert told == [
                ("create", "1"),
                ("create", "2"),
                ("update", "1"),
                ("delete", "2"),
                ("event", None),
            ]

    project.run(scenario)


def test_an_item_that_changed_since_it_was_read_fails_an_atomic_block(project: Project) -> None:
    step(
        project,
        """
        await chat.set("g", "1", {"n": 1})
        try:
            async with ctx.atomic():
                item = await chat.get("g", "1")
                await ctx.call("other")
                await chat.set("g", "1", {"n": item["n"] + 1})
        except ConflictError as error:
            return {"code": error.code, "n": (await chat.get("g", "1"))["n"]}
        """,
    )
    project.file(
        "steps/other_step.py",
        """
        from motia import event

        @event(id="other")
        async def other(ctx):
            await ctx.streams.chat.set("g", "1", {"n": 10})
        """,
    )

    async def scenario(served: Served) -> None:
        assert await done(served) == {"code": "streams.version_conflict", "n": 10}

    project.run(scenario)


def test_triggers_run_for_the_changes_they_watch(project: Project) -> None:
    project.file(
        "steps/watch_step.py",
        """
        from motia import step, stream

        def big(input):
            return input["event"]["type"] == "delete" or (input.event["data"] or {}).get("n", 0) > 5

        async def note(kind, input, ctx):
            data = {"type": input["event"]["type"], "id": input.get("id"), "group": input.group_id}
            await ctx.state.update("seen", kind, [{"type": "append", "value": data}])

        @step(stream("chat"))
        async def every(input, ctx):
            await note("every", input, ctx)

        @step(stream("chat", group_id="g", item_id="1"))
        async def one(input, ctx):
            assert ctx.is_stream() and input["streamName"] == input.stream_name == "chat"
            await note("one", input, ctx)

        @step(stream("chat", condition=big))
        async def large(input, ctx):
            await note("large", input, ctx)
        """,
    )

    async def scenario(served: Served) -> None:
        await served.put("chat", "g", "1", {"n": 1})
        await served.put("chat", "h", "1", {"n": 9})
        await served.send("chat", "g", {"type": "typing", "data": None})
        await served.delete("chat", "g", "1")
        await served.delete("chat", "g", "never")
        await served.app.until_idle()
        seen = {
            kind: sorted((one["type"], one["group"], one["id"]) for one in found)
            for kind, found in (await served.app.state.entries("seen")).items()
        }
        assert seen == {
            "every": [
                ("create", "g", "1"),
                ("create", "h", "1"),
                ("delete", "g", "1"),
                ("event", "g", None),
            ],
            "one": [("create", "g", "1"), ("delete", "g", "1")],
            "large": [("create", "h", "1"), ("delete", "g", "1")],
        }

    project.run(scenario)


def test_a_returned_item_can_be_followed_at_once(project: Project) -> None:
    async def scenario(served: Served) -> None:
        place = (await served.put("chat", "g", "1", {"n": 1}))["__motia"]
        async with served.client() as client:
            await client.join(place["streamName"], place["groupId"], place["id"])
            assert await client.event() == {"type": "sync", "data": {"n": 1, "id": "1"}}

    project.run(scenario)


def test_a_writer_tells_pieces_at_once_and_stores_the_text(project: Project) -> None:
    step(
        project,
        """
        async with chat.writer("g", "1", initial={"who": "ai"}, final={"done": True}) as writer:
            for piece in ("Hel", "lo ", "", "🙂 ", "world"):
                await writer.append(piece)
            await asyncio.wait_for(ctx.call("wait"), 60)
            await writer.append("!")
            assert writer.text == "Hello 🙂 world!"
        return {"ok": True}
        """,
    )
    project.file(
        "steps/wait_step.py",
        """
        import asyncio
        from motia import event

        goes_on = asyncio.Event()

        @event(id="wait")
        async def wait(ctx):
            await goes_on.wait()

        @event(id="go")
        async def go(ctx):
            goes_on.set()
        """,
    )

    async def scenario(served: Served) -> None:
        async with served.client() as client, served.client() as published:
            await client.join("chat", "g", "1", version=None)
            assert (await client.event())["data"] is None
            await published.join("chat", "g", "1")
            assert await published.frames_so_far() == []
            running = asyncio.ensure_future(done(served))
            created = await client.frame()
            assert created["event"]["data"] == {"who": "ai", "text": "", "id": "1"}
            deltas = [await client.event() for _ in range(4)]
            assert [(one["offset"], one["data"]) for one in deltas] == [
                (0, "Hel"),
                (3, "lo "),
                (6, "🙂 "),
                (9, "world"),
            ]
            await served.app.advance(0.2)
            stored = await client.event()
            assert stored["data"]["text"] == "Hello 🙂 world"
            await served.app.call("go")
            assert await running == {"ok": True}
            ended = [await client.event(), await client.event()]
            assert ended[0] == {"type": "delta", "path": "text", "offset": 14, "data": "!"}
            assert ended[1]["data"] == {
                "who": "ai",
                "text": "Hello 🙂 world!",
                "done": True,
                "id": "1",
            }
            told = [frame["event"]["type"] for frame in await published.frames_so_far()]
            assert told == ["create", "update", "update"]

    project.run(scenario, clock=ManualClock())


def test_a_writer_begins_anew_or_goes_on(project: Project) -> None:
    step(
        project,
        """
        async with chat.writer("g", "1", final={"done": True}) as writer:
            await writer.append("first")
        try:
            async with chat.writer("g", "1", resume=True, final={"again": True}) as writer:
                assert writer.text == "first"
                await writer.append(" half")
                raise KeyError("no more")
        except KeyError:
            pass
        kept = await chat.get("g", "1")
        async with chat.writer("g", "1") as writer:
            await writer.append("new")
            await writer.set("other")
        return {"kept": [kept["text"], "again" in kept], "new": (await chat.get("g", "1"))["text"]}
        """,
    )

    async def scenario(served: Served) -> None:
        assert await done(served) == {"kept": ["first half", False], "new": "other"}

    project.run(scenario)


def test_a_client_that_does_not_read_loses_nothing_and_hurts_nobody(project: Project) -> None:
    async def scenario(served: Served) -> None:
        async with served.client() as witness, served.client(max_queue=1) as slow:
            await witness.join("chat", "g", version=None)
            await witness.frame()
            await slow.join("chat", "g", version=None)
            version = (await slow.frame())["version"]
            text = "x" * 500_000
            slow.socket.transport.pause_reading()
            for number in range(30):
                await served.put("chat", "g", "1", {"n": number, "text": text})
                assert (await witness.event())["data"]["n"] == number
            sockets = served.app.app.sockets
            assert sockets is not None
            kept = [socket._transport.get_write_buffer_size() for socket in sockets._open]
            assert max(kept) < 4_000_000
            slow.socket.transport.resume_reading()
            numbers, frames = [], []
            while not numbers or numbers[-1] != 29:
                frame = await slow.frame()
                frames.append(frame["event"]["type"])
                if "data" in frame["event"]:
                    item = frame["event"]["data"]
                    numbers.append((item[0] if isinstance(item, list) else item)["n"])
                    assert frame["version"] > version
                    version = frame["version"]
            assert "resumed" in frames or "sync" in frames
            assert numbers == list(range(30)) or "sync" in frames
            await served.put("chat", "g", "2", {})
            while (kind := (await slow.event())["type"]) == "resumed":
                pass
            assert kind == "create"

    project.run(scenario, streams={"buffer_bytes": 1_000_000})


def test_a_client_that_never_reads_is_cut_off(project: Project) -> None:
    async def scenario(served: Served) -> None:
        async with served.client(max_queue=1) as dead:
            await dead.join("chat", "g")
            await dead.frame()
            dead.socket.transport.pause_reading()
            for number in range(30):
                await served.put("chat", "g", "1", {"n": number, "text": "x" * 500_000})
            sockets = served.app.app.sockets
            assert sockets is not None
            assert sockets.count == 1
            for _ in range(10):
                await served.app.advance(5.0)
            assert sockets.count == 0

    project.run(scenario, clock=ManualClock(), streams={"buffer_bytes": 1_000_000})
