"""Agents in a running project: tools, answers, failures, budgets, approvals, texts that grow."""

from __future__ import annotations

from pathlib import Path

import pytest
from agent_project import LIMIT_S, answered, ledger, outcome, run, write_project

from motia.testing import ManualClock, TestApp

TOOLS = """
async def think(messages, info):
    note("asked", turn=len(messages), tools=[tool.name for tool in info.function_tools])
    if not returns(messages):
        calls = [call("weather", {"city": "Oslo"}, "c1"), call("add", {"a": 1, "b": "2"}, "c2")]
        return said(*calls, call("nosuch", {}, "c3"))
    return said(TextPart(json.dumps(returns(messages))))


def add(a: int, b: int, scale: int = 1) -> int:
    "Add two numbers."
    return (a + b) * scale


helper = Agent(
    "helper",
    FunctionModel(think, model_name="fake"),
    instructions="Help.",
    tools=["weather", add],
    price=Price(input_usd=1, output_usd=2),
)


@step(queue("weather.asked"), description="The weather of a city.")
async def weather(city: str) -> dict[str, Any]:
    return {"city": city, "celsius": 7}


@step(queue("asked"))
async def ask(question: str, ctx: Context) -> Any:
    result = await helper.run(ctx, question)
    return {"answer": json.loads(result.output), "usage": result.usage, "history": result.history}


@step(queue("asked.again"))
async def again(input: dict[str, Any], ctx: Context) -> Any:
    result = await helper.run(ctx, "And tomorrow?", history=input["history"])
    return len(result.messages)
"""


def test_steps_and_functions_are_tools_and_what_they_give_goes_to_the_model(tmp_path: Path) -> None:
    project = write_project(tmp_path, TOOLS)

    async def scenario() -> None:
        async with TestApp(project) as app:
            ended = (await answered(app, "ask", {"question": "hi"}))["output"]
            assert ended["answer"] == [
                ["weather", "success", {"city": "Oslo", "celsius": 7}],
                ["add", "success", 3],
                ["nosuch", "failed", "there is no tool nosuch; there are: weather, add"],
            ]
            assert ended["usage"] == {
                "calls": 2,
                "input_tokens": 20,
                "output_tokens": 10,
                "cost_usd": pytest.approx(40e-6),
            }
            first, second = ledger(project, "asked")
            assert first["tools"] == ["weather", "add"]
            assert second["turn"] == 3

            # The conversation goes on where it was, as JSON.
            assert (await answered(app, "again", {"history": ended["history"]}))["output"] == 6
            assert ledger(project, "asked")[-1]["turn"] == 5

            spans = [span for span in app.spans if span.kind in ("model", "tool")]
            names = ["chat fake", "execute_tool add", "chat fake", "chat fake"]
            assert [span.name for span in spans] == names
            assert spans[0].attributes == {
                "gen_ai.operation.name": "chat",
                "gen_ai.agent.name": "helper",
                "gen_ai.provider.name": "function",
                "gen_ai.request.model": "fake",
                "gen_ai.response.model": "fake",
                "gen_ai.usage.input_tokens": 10,
                "gen_ai.usage.output_tokens": 5,
                "operation.cost": pytest.approx(20e-6),
            }
            executions = {span.span_id for span in app.spans if span.name == "ask"}
            assert {span.parent_id for span in spans[:3]} <= executions

    run(scenario())


ANSWERS = """
class City(BaseModel):
    name: str
    people: int


async def think(messages, info):
    note("asked", outputs=[tool.name for tool in info.output_tools])
    half, whole = {"name": "Oslo"}, {"name": "Oslo", "people": 700000}
    answers = [TextPart("Oslo."), *(call("final_answer", given) for given in (half, "{nonsense", whole))]
    return said(answers[len(noted("asked")) - 1])


finder = Agent("finder", FunctionModel(think), output=City, tool_failures=3)


@step(queue("city.asked"))
async def find(ctx: Context) -> Any:
    result = await finder.run(ctx, "Which city?")
    assert isinstance(result.output, City)
    return {"city": result.output, "told": returns(result.messages)}


async def broken(ctx: Context) -> str:
    note("broken")
    raise ValueError("no service")


async def insist(messages, info):
    return said(call("broken", {}) if len(returns(messages)) % 2 else call("down", {"id": 1}))


stubborn = Agent("stubborn", FunctionModel(insist), tools=[broken, "down"], tool_failures=1)


@step(queue("down.asked", retries=0))
async def down(id: int) -> None:
    raise ValueError("the database is down")


@step(queue("stubborn.asked"))
async def insist_on_it(ctx: Context) -> Any:
    await stubborn.run(ctx, "go")


async def endless(messages, info):
    return said(call("count", {}))


def count() -> int:
    return 1


@step(queue("endless.asked"))
async def never_end(ctx: Context) -> Any:
    await Agent("endless", FunctionModel(endless), tools=[count], turns=3).run(ctx, "go")


@step(queue("wrong.asked"))
async def wrong(ctx: Context) -> Any:
    await Agent("wrong", FunctionModel(endless), tools=["nowhere"]).run(ctx, "go")


@step(queue("twins.asked"))
async def twins(ctx: Context) -> Any:
    async def answer(messages, info):
        await asyncio.sleep(0)  # as every request over a network does
        return said(TextPart("here"))

    twin = Agent("twin", FunctionModel(answer))
    await ctx.gather(twin.run(ctx, "a"), twin.run(ctx, "b"))


@step(queue("unmade.asked"))
async def unmade(ctx: Context) -> Any:
    await Agent("unmade", "nobody:none").run(ctx, "go")
"""


def test_what_a_model_or_a_tool_does_wrong_is_told_to_the_model_a_bounded_number_of_times(
    tmp_path: Path,
) -> None:
    project = write_project(tmp_path, ANSWERS)

    async def scenario() -> None:
        async with TestApp(project) as app:
            found = (await answered(app, "find"))["output"]
            assert found["city"] == {"name": "Oslo", "people": 700000}
            missing, malformed = found["told"]
            assert missing[:2] == ["final_answer", "failed"]
            assert missing[2] == "these arguments do not fit: people: Field required"
            assert "expected a JSON object" in malformed[2]
            assert ledger(project, "asked") == 4 * [{"what": "asked", "outputs": ["final_answer"]}]
            assert sum("malformed call of final_answer" in line.message for line in app.logs) == 2

            failed = await answered(app, "insist_on_it")
            assert failed["status"] == "failed"
            assert failed["error"]["code"] == "agent.tool_failed"
            assert "expected down to fail at most 1 time," in failed["error"]["message"]
            assert "the database is down" in failed["error"]["message"]
            assert len(ledger(project, "broken")) == 1

            for step, code in {
                "never_end": "agent.too_many_turns",
                "wrong": "agent.unknown_tool",
                "twins": "workflow.name_in_use",
                "unmade": "agent.bad_model",
            }.items():
                await app.trigger(step)
                await app.until_idle(LIMIT_S)
                (letter, *_) = await app.dead_letters()
                assert (letter.queue.step, letter.code) == (step, code)

    run(scenario())


BUDGETS = """
async def think(messages, info):
    note("asked", most=info.model_settings.get("max_tokens"))
    if len(returns(messages)) < 2:
        return said(call("look", {}))
    return said(TextPart("done"))


def look() -> str:
    return "nothing"


worker = Agent("worker", FunctionModel(think), tools=[look])


async def work(ctx, budget, workers=3):
    try:
        runs = [worker.run(ctx, "go", key=str(number), budget=budget) for number in range(workers)]
        await ctx.gather(*runs)
    except BudgetExceededError as error:
        spent = await budget.spent(ctx)
        return {"code": error.code, "message": error.message, "calls": spent.calls, "tokens": spent.tokens}


@step(queue("calls.asked"))
async def few_calls(ctx: Context) -> Any:
    return await work(ctx, Budget(calls=4))


@step(queue("tokens.asked"))
async def few_tokens(ctx: Context) -> Any:
    return await work(ctx, Budget(tokens=25, name="tokens"), workers=1)


@step(queue("unpriced.asked"))
async def unpriced(ctx: Context) -> Any:
    await worker.run(ctx, "go", budget=Budget(cost_usd=1))


@step(queue("money.asked"))
async def little_money(ctx: Context) -> Any:
    # A dollar for a million tokens in, two for one out: 20 millionths an answer.
    dear = Agent("dear", FunctionModel(think), tools=[look], price=Price(input_usd=1, output_usd=2))
    await dear.run(ctx, "go", budget=Budget(cost_usd=0.00004))


@step(queue("slow.asked"))
async def slow(ctx: Context) -> Any:
    budget = Budget(time="1h")
    await worker.run(ctx, "go", key="a", budget=budget)
    await ctx.sleep("59m")
    await worker.run(ctx, "go", key="b", budget=budget)
    await ctx.sleep("1m")
    await worker.run(ctx, "go", key="c", budget=budget)


@step(queue("part.asked", retries=0))
async def part(run: str, ctx: Context) -> Any:
    await worker.run(ctx, "go", budget=Budget(calls=4).of(run))


@step(queue("parts.asked"))
async def parts(ctx: Context) -> Any:
    await ctx.call("part", {"run": ctx.run_id})
    await ctx.call("part", {"run": ctx.run_id})
"""


def test_a_budget_holds_over_fan_out_runs_and_time(tmp_path: Path) -> None:
    project = write_project(tmp_path, BUDGETS)

    async def scenario() -> None:
        async with TestApp(project, clock=ManualClock()) as app:
            ended = (await answered(app, "few_calls"))["output"]
            assert ended["code"] == "agent.budget_exceeded"
            assert ended["message"].startswith("budget: expected to spend at most 4 calls")
            assert ended["calls"] == 4
            assert len(ledger(project, "asked")) == 4

            ended = (await answered(app, "few_tokens"))["output"]
            assert (ended["calls"], ended["tokens"]) == (2, 30)  # what is under way still counts
            assert [entry["most"] for entry in ledger(project, "asked")[4:]] == [25, 16]

            unpriced = await answered(app, "unpriced")
            assert unpriced["error"]["code"] == "agent.price_unknown"
            assert len(ledger(project, "asked")) == 6  # it was not asked for nothing

            poor = await answered(app, "little_money")
            assert "at most 4e-05 USD" in poor["error"]["message"]
            assert len(ledger(project, "asked")) == 8

            await app.trigger("slow")
            await app.until_idle(LIMIT_S)
            await app.advance(minutes=59)
            await app.until_idle(LIMIT_S)
            assert len(ledger(project, "asked")) == 14
            await app.advance(minutes=1)
            await app.until_idle(LIMIT_S)
            late = await outcome(app, "slow")
            assert "at most 3600 s" in late["error"]["message"]
            assert len(ledger(project, "asked")) == 14

            shared = await answered(app, "parts")
            assert shared["error"]["code"] == "workflow.call_failed"
            assert len(ledger(project, "asked")) == 18

    run(scenario())


FAILURES = """
async def limited(messages, info):
    note("limited")
    if len(noted("limited")) < 3:
        from pydantic_ai.exceptions import ModelRateLimitError
        raise ModelRateLimitError("fake", "too many requests", retry_after=90)
    return said(TextPart("here"))


async def refused(messages, info):
    note("refused")
    from pydantic_ai.exceptions import ModelAuthenticationError
    raise ModelAuthenticationError("fake", "no such key")


@step(queue("limited.asked"))
async def ask_limited(ctx: Context) -> Any:
    result = await Agent("limited", FunctionModel(limited)).run(ctx, "go", budget=Budget(calls=9))
    return result.output


@step(queue("refused.asked"))
async def ask_refused(ctx: Context) -> Any:
    await Agent("refused", FunctionModel(refused)).run(ctx, "go")
"""


def test_a_limited_model_is_asked_again_when_it_said_and_one_that_refuses_is_not(tmp_path: Path) -> None:
    project = write_project(tmp_path, FAILURES)

    async def scenario() -> None:
        async with TestApp(project, clock=ManualClock()) as app:
            waiting = await answered(app, "ask_limited")
            assert waiting["status"] == "suspended"  # it holds nothing while it waits
            await app.advance(89)
            await app.until_idle(LIMIT_S)
            assert len(ledger(project, "limited")) == 1
            await app.advance(1)
            await app.until_idle(LIMIT_S)
            assert len(ledger(project, "limited")) == 2
            await app.advance(90)
            await app.until_idle(LIMIT_S)
            assert (await outcome(app, "ask_limited"))["output"] == "here"
            errors = [span.error for span in app.spans if span.kind == "model" and span.error]
            assert [error["code"] for error in errors] == 2 * ["agent.model_failed"]
            assert sum("attempt" in line.message and line.level == "warning" for line in app.logs) == 2
            (budget,) = (await app.state.entries("agent.budgets")).values()
            assert budget["calls"] == 3

            failed = await answered(app, "ask_refused")
            assert failed["error"]["code"] == "agent.model_failed"
            assert "no such key" in failed["error"]["message"]
            assert len(ledger(project, "refused")) == 1

    run(scenario())


APPROVAL = """
async def think(messages, info):
    if not returns(messages):
        pages = enumerate("abc")
        return said(*(call("delete", {"page": page}, f"c{number}") for number, page in pages))
    return said(TextPart(json.dumps(returns(messages))))


def delete(page: str) -> str:
    note("deleted", page=page)
    return "deleted"


async def mail(link: str) -> None:
    note("mailed", link=link)


@step(queue("clean.asked"))
async def clean(ctx: Context) -> Any:
    tool = Tool(delete, approval=True, expires="2d", notify=mail)
    agent = Agent("cleaner", FunctionModel(think), tools=[tool])
    return json.loads((await agent.run(ctx, "clean up")).output)
"""


def test_a_dangerous_tool_waits_for_a_person(tmp_path: Path) -> None:
    project = write_project(tmp_path, APPROVAL)

    async def scenario() -> None:
        async with TestApp(project, clock=ManualClock()) as app:
            await app.trigger("clean")
            await app.until_idle(LIMIT_S)
            assert ledger(project, "deleted") == []
            asked = {one["message"]: one for one in await app.approvals()}
            assert asked['{"page":"a"}']["title"] == "May cleaner call delete?"
            assert len(ledger(project, "mailed")) == 3
            refusal = {"approved": False, "reason": "still read"}
            for page, decision in {"b": refusal, "a": {"approved": True}}.items():
                path = asked[f'{{"page":"{page}"}}']["path"]
                assert (await app.http.post(path, json=decision)).status_code == 200
                await app.until_idle(LIMIT_S)
            await app.advance(days=2)
            await app.until_idle(LIMIT_S)
            assert (await outcome(app, "clean"))["output"] == [
                ["delete", "success", "deleted"],
                ["delete", "denied", "a person refused this call: still read"],
                ["delete", "denied", "a person refused this call: nobody decided in time"],
            ]
            assert [entry["page"] for entry in ledger(project, "deleted")] == ["a"]

    run(scenario())
