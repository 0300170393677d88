from typing import Annotated, Any
from uuid import uuid4

from pydantic import BaseModel, StringConstraints

from motia import Context, api


class Question(BaseModel):
    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


@api(id="ask", method="POST", path="/chats/:chat/questions", flows=["chat"])
async def ask(chat: str, body: Question, ctx: Context) -> dict[str, Any]:
    question_id, answer_id = uuid4().hex, uuid4().hex
    # The question, the place of its answer and the work on it are there together, or none of them is.
    async with ctx.atomic():
        await ctx.streams.chat.set(chat, question_id, {"role": "user", "text": body.text, "done": True})
        answer = await ctx.streams.chat.set(chat, answer_id, {"role": "assistant", "text": "", "done": False})
        await ctx.trigger_step("answer", {"chat": chat, "answer_id": answer_id, "question": body.text})
    return answer
