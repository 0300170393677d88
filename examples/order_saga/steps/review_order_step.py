from typing import Any

from pydantic import BaseModel

from motia import Context, http, step


class Review(BaseModel):
    approved: bool
    by: str


@step(http("POST", "/orders/:id/review"), enqueues=["order.reviewed"], flows=["saga"])
async def review_order(id: str, review: Review, ctx: Context) -> dict[str, Any]:
    await ctx.enqueue("order.reviewed", {"order": id, **review.model_dump()})
    return {"status": 202, "body": {"order": id}}
