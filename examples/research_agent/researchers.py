"""Three agents: one plans, several search at the same time, one writes. They share notes in `ctx.state`."""

import os
from typing import Any

from local_model import local_model
from pydantic import BaseModel, Field

from motia import Context
from motia.agents import Agent, Price


def _model() -> Any:
    """Of whoever's key is set; without any, the stand-in of this example."""
    if os.environ.get("OPENAI_API_KEY"):
        return "openai:gpt-5.6-luna"
    if os.environ.get("ANTHROPIC_API_KEY"):
        return "anthropic:claude-haiku-5-5"
    return local_model()


MODEL = os.environ.get("RESEARCH_MODEL") or _model()
PRICE = None if isinstance(MODEL, str) else Price(input_usd=0, output_usd=0)


class Plan(BaseModel):
    """Give the topics to look into, and end."""

    topics: list[str] = Field(min_length=1, max_length=4)


async def note(source: str, fact: str, ctx: Context) -> str:
    """Note a fact, with the title of the text that it stands in."""
    await ctx.state.set(f"notes {ctx.run_id}", source, fact, ttl="7d")  # twice does no harm
    return "noted"


async def read_notes(ctx: Context) -> dict[str, str]:
    """All that was noted: facts by their source."""
    notes: dict[str, str] = await ctx.state.entries(f"notes {ctx.run_id}")
    return notes


planner = Agent(
    "planner",
    MODEL,
    output=Plan,
    price=PRICE,
    instructions="Split the question into at most four topics that can be looked into apart.",
)
researcher = Agent(
    "researcher",
    MODEL,
    tools=["search_library", note],
    price=PRICE,
    instructions="Search the library for the topic. Note each fact that helps; then say in a sentence"
    " what you found. Use nothing but the library.",
)
writer = Agent(
    "writer",
    MODEL,
    tools=[read_notes],
    price=PRICE,
    instructions="Read the notes and answer the question from them alone, in a few short paragraphs."
    " Name the sources.",
)
