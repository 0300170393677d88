"""Queue question.asked: a model answers, with tools. After a crash it is not asked the same again."""

from __future__ import annotations

import os
from datetime import UTC, datetime

from motia import Context, queue, step
from motia.agents import Agent, Budget


def today() -> str:
    """The date of today, in UTC."""
    return datetime.now(UTC).date().isoformat()


assistant = Agent(
    "assistant",
    # Such as "openai:gpt-5.6-luna", with OPENAI_API_KEY in .env; "test" asks nobody, it calls every tool.
    os.environ.get("AGENT_MODEL", "test"),
    instructions="Answer in one sentence. Look up what you can; never guess.",
    tools=[today],
)


@step(queue("question.asked", timeout="5m"), flows=["questions"])
async def answer_question(id: str, text: str, ctx: Context) -> None:
    result = await assistant.run(ctx, text, budget=Budget(calls=5, tokens=10_000))
    answer = {"id": id, "text": text, "status": "answered", "answer": result.output}
    await ctx.state.set("questions", id, answer)
