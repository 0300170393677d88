"""GET /questions/:question_id: the question, with its answer once there is one."""

from __future__ import annotations

from typing import Any

from motia import Context, HTTPError, http, step


@step(http("GET", "/questions/:question_id"), flows=["questions"])
async def get_answer(question_id: str, ctx: Context) -> dict[str, Any]:
    question = await ctx.state.get("questions", question_id)
    if question is None:
        raise HTTPError(404, f"no question {question_id}")
    return dict(question)
