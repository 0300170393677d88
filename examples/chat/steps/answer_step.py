from fake_model import tokens

from motia import Context, event


@event(id="answer", flows=["chat"])
async def answer(chat: str, answer_id: str, question: str, ctx: Context) -> None:
    # After a crash this runs again: `resume` finds what was said, and the model goes on from there.
    async with ctx.streams.chat.writer(chat, answer_id, final={"done": True}, resume=True) as writer:
        async for token in tokens(question, after=writer.text):
            await writer.append(token)
