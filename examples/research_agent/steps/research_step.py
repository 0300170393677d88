"""The whole research: plan, search all topics at once, write. Killed anywhere, it goes on where it was."""

from typing import Any

from researchers import planner, researcher, writer

from motia import Context, queue, step
from motia.agents import Budget, BudgetExceededError

LIMITS = Budget(calls=30, tokens=60_000, cost_usd=0.25, time="10m")
"""Of one question, over all its agents."""


@step(queue("question.asked", timeout="10m"), flows=["research"])
async def research(board: str, id: str, question: str, ctx: Context) -> dict[str, Any]:
    async def show(fields: dict[str, Any]) -> None:
        changes = [{"type": "set", "path": path, "value": value} for path, value in fields.items()]
        await ctx.streams.research.update(board, id, changes)

    async def look_into(number: int, topic: str) -> None:
        result = await researcher.run(ctx, topic, key=str(number), budget=LIMITS)
        await ctx.step("show found", show, {f"found.{number}": result.output}, key=str(number))

    try:
        plan = (await planner.run(ctx, question, budget=LIMITS)).output
        await ctx.step("show plan", show, {"topics": plan.topics, "status": "searching"})
        await ctx.gather(*(look_into(number, topic) for number, topic in enumerate(plan.topics)))
        await ctx.step("show writing", show, {"status": "writing"})
        text = ctx.streams.research.writer(board, id, resume=True)
        async with text as stream:
            await writer.run(ctx, question, budget=LIMITS, stream=stream)
        status = "done"
    except BudgetExceededError as error:
        status = error.message  # what was written until then stays
    spent = await LIMITS.spent(ctx)
    ended = {"status": status, "done": True, "tokens": spent.tokens, "cost_usd": spent.cost_usd}
    await ctx.step("show end", show, ended)
    return ended
