from typing import Annotated, Any
from uuid import uuid4

from pydantic import BaseModel, StringConstraints

from motia import Context, http, step


class Question(BaseModel):
    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)]


@step(http("POST", "/boards/:board/questions"), enqueues=["question.asked"], flows=["research"])
async def ask(board: str, body: Question, ctx: Context) -> dict[str, Any]:
    asked = {"board": board, "id": uuid4().hex, "question": body.text}
    async with ctx.atomic():
        item = {"question": body.text, "status": "waiting", "text": "", "done": False}
        await ctx.streams.research.set(board, asked["id"], item)
        await ctx.enqueue("question.asked", asked)
    return {"status": 202, "body": asked}
