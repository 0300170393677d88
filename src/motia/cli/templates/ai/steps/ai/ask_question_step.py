"""POST /questions: take a question; GET /questions/:question_id gives the answer."""

from __future__ import annotations

from pydantic import BaseModel, Field

from motia import Context, Response, http, step


class Question(BaseModel):
    text: str = Field(min_length=3, max_length=500)


@step(http("POST", "/questions"), enqueues=["question.asked"], flows=["questions"])
async def ask_question(question: Question, ctx: Context) -> Response:
    asked = {"id": ctx.trace_id, "text": question.text}
    await ctx.state.set("questions", asked["id"], {**asked, "status": "waiting"})
    await ctx.enqueue("question.asked", asked)
    return Response(asked, status=202)
