"""An agent killed after every point it persists: nothing that was paid for is paid for again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agent_project import LIMIT_S, ledger, outcome, run, write_project

from motia.testing import TestApp, crash_points

STREAMS = """
PIECES = {"plan": ["Let ", "me ", "look."], "answer": ["Tea ", "comes ", "from ", "Assam."]}


async def speak(messages, info):
    found = returns(messages)
    part = "answer" if found else "plan"
    note("asked", part=part)
    for piece in PIECES[part]:
        yield piece
    if not found:
        yield {1: DeltaToolCall("search", '{"word": "tea"}', tool_call_id="c1")}
        yield {2: DeltaToolCall("look_up", '{"word": "tea"}', tool_call_id="c2")}


async def look_up(word: str, ctx: Context) -> int:
    note("looked up")
    return await ctx.state.increment("shared", word)


writer = Agent("writer", FunctionModel(stream_function=speak, model_name="fake"), tools=["search", look_up])


@step(queue("search.asked"))
async def search(word: str) -> list[str]:
    note("searched")
    return [word, "Assam"]


@step(queue("text.asked"))
async def write(ctx: Context) -> Any:
    text = ctx.streams.texts.writer("g", "t1", final={"done": True}, resume=True)
    async with text as stream:
        result = await writer.run(ctx, "Tea?", stream=stream, budget=Budget(calls=2))
    return result.output
"""
STREAM = 'config = {"name": "texts", "schema": {"type": "object"}}\n'
WHOLE = "Let me look.\n\nTea comes from Assam."


def test_an_agent_survives_a_kill_after_every_point_it_persists(tmp_path: Path) -> None:
    project = write_project(tmp_path, STREAMS)
    (project / "steps" / "texts_stream.py").write_text(STREAM)

    async def begin(app: TestApp) -> None:
        (project / "ledger.jsonl").unlink(missing_ok=True)
        await app.trigger("write")
        await app.until_idle(LIMIT_S)

    async def finish(app: TestApp) -> Any:
        await app.until_idle(LIMIT_S)
        return await app.streams.get("texts", "g", "t1"), await outcome(app, "write")

    after = []
    for crash in crash_points(project, begin, finish):
        after.append(crash.after)
        item, ended = crash.result
        assert (item["text"], item["done"]) == (WHOLE, True), crash
        assert ended["output"] == "Tea comes from Assam.", crash
        asked = [entry["part"] for entry in ledger(project, "asked")]
        assert asked == ["plan", "answer"], crash
        assert len(ledger(project, "searched")) == 1, crash
        # The other tool was under way then, beside the call that had just been stored.
        under_way = crash.after == "call search[writer 1.1]"
        assert len(ledger(project, "looked up")) == 1 + under_way, crash
    assert after[0] == "writer model"
    assert "call search[writer 1.1]" in after
    assert "writer model#2" in after
    assert after[-1] == "the end"


CUT = """
async def speak(messages, info):
    note("asked")
    yield "Tea "
    if len(noted("asked")) == 1:
        yield "comes "
        raise ConnectionError("the line went dead")
    yield "is old."


@step(queue("text.asked"))
async def write(ctx: Context) -> Any:
    agent = Agent("writer", FunctionModel(stream_function=speak), retries=1)
    async with ctx.streams.texts.writer("g", "t1") as stream:
        return (await agent.run(ctx, "Tea?", stream=stream)).output
"""


def test_an_answer_that_is_cut_begins_anew(tmp_path: Path) -> None:
    project = write_project(tmp_path, CUT)
    (project / "steps" / "texts_stream.py").write_text(STREAM)

    async def scenario() -> None:
        async with TestApp(project) as app, app.streams.follow("texts", "g") as follower:
            await app.trigger("write")
            await app.until("message.settled", step="write", outcome="completed", limit_s=LIMIT_S)
            assert (await outcome(app, "write"))["output"] == "Tea is old."
            assert (await app.streams.get("texts", "g", "t1"))["text"] == "Tea is old."
            pieces = [
                frame["event"]["data"] for frame in follower.frames if frame["event"]["type"] == "delta"
            ]
            assert pieces == ["Tea ", "comes ", "Tea ", "is old."]

    run(scenario())
