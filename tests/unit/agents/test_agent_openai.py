"""Agents on a model over a socket: pydantic-ai's client of OpenAI, against a server of these tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from agent_project import LIMIT_S, outcome, run, write_project
from openai_server import OpenAiServer

from motia.testing import ManualClock, TestApp

PROJECT = """
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider


def local_model():
    provider = OpenAIProvider(base_url=os.environ["LOCAL_MODEL"], api_key="none")
    return OpenAIChatModel("local", provider=provider)


def double(number: int) -> int:
    return 2 * number


price = Price(input_usd=1, output_usd=1)
agent = Agent("clerk", local_model, tools=[double], instructions="Be brief.", price=price)


@step(queue("plain.asked"))
async def plain(ctx: Context) -> Any:
    result = await agent.run(ctx, "2 times 21?")
    return {"text": result.output, "usage": result.usage}


@step(queue("text.asked"))
async def streamed(ctx: Context) -> Any:
    text = ctx.streams.texts.writer("g", "t1", resume=True, final={"done": True})
    async with text as stream:
        result = await agent.run(ctx, "2 times 21?", stream=stream)
    return {"text": result.output, "usage": result.usage}
"""


@pytest.mark.proof
@pytest.mark.parametrize("step", ["plain", "streamed"])
def test_bad_days_of_a_provider_are_survived(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    project = write_project(tmp_path, PROJECT)
    (project / "steps" / "texts_stream.py").write_text('config = {"name": "texts"}\n')
    script = [("limit", 30), ("call", "double", '{"number": 2'), ("call", "double", '{"number": 21}')]
    script += [("cut", "It is"), ("short", "It is")] if step == "streamed" else []
    server = OpenAiServer([*script, ("text", "It is 42")])

    async def scenario() -> None:
        async with server.serving(), TestApp(project, clock=ManualClock()) as app:
            monkeypatch.setenv("LOCAL_MODEL", server.url)
            await app.trigger(step)
            await app.until_idle(LIMIT_S)
            assert len(server.requests) == 1
            await app.advance(30)
            while (await outcome(app, step))["status"] in ("suspended", "running"):
                await app.advance(1)
            ended = (await outcome(app, step))["output"]
            assert ended["text"].strip() == "It is 42"
            assert ended["usage"]["calls"] == 3
            assert ended["usage"]["input_tokens"] == 33
            assert ended["usage"]["cost_usd"] == pytest.approx(45e-6)
            if step == "streamed":
                item = await app.streams.get("texts", "g", "t1")
                assert (item["text"].strip(), item["done"]) == ("It is 42", True)

            assert len(server.requests) == len(server.script)
            first = server.requests[0]
            assert first["messages"][0] == {"role": "system", "content": "Be brief."}
            assert first["tools"][0]["function"]["parameters"]["properties"] == {
                "number": {"type": "integer"}
            }
            told = server.requests[2]["messages"][-1]
            assert (told["role"], told["tool_call_id"]) == ("tool", "c1")
            assert "these arguments do not fit" in told["content"]
            failed = [span.error["message"] for span in app.spans if span.kind == "model" and span.error]
            assert "429" in failed[0]
            assert len(failed) == (3 if step == "streamed" else 1)

    run(scenario())


@pytest.mark.proof
def test_a_provider_that_does_not_say_what_an_answer_cost_is_estimated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = write_project(tmp_path, PROJECT)
    (project / "steps" / "texts_stream.py").write_text('config = {"name": "texts"}\n')
    server = OpenAiServer([("free", "It is 42")])

    async def scenario() -> None:
        async with server.serving(), TestApp(project) as app:
            monkeypatch.setenv("LOCAL_MODEL", server.url)
            await app.trigger("streamed")
            await app.until_idle(LIMIT_S)
            ended = (await outcome(app, "streamed"))["output"]
            assert ended["text"].strip() == "It is 42"
            assert 50 < ended["usage"]["input_tokens"] < 500
            assert any("does not say what it used" in line.message for line in app.logs)

    run(scenario())
