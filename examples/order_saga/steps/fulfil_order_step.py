"""The saga: reserve, charge, ask a person about large orders, ship. What was done is undone when it fails."""

from typing import Any

from pydantic import BaseModel, Field
from warehouse import charge, refund, release, reserve, ship

from motia import Context, WorkflowError, queue, step

LARGE = 1000


class Review(BaseModel):
    approved: bool
    by: str = Field(min_length=1)


@step(queue("order.placed"), flows=["saga"])
async def fulfil_order(input: dict[str, Any], ctx: Context) -> str:
    order_id: str = input["id"]

    async def show(field: str, value: str) -> None:
        await ctx.state.update("orders", order_id, [{"type": "set", "path": field, "value": value}])

    async def cancelled() -> None:
        await show("status", "cancelled")

    async def tell_reviewer(link: str) -> None:
        await show("review", link)  # where yours would send a mail
        await show("status", "waiting for approval")

    await ctx.step("accept", show, "status", "accepted", undo=cancelled)
    await ctx.step("reserve", reserve, input["item"], undo=release)
    await ctx.step("charge", charge, input["price"], retries=3, delay="200ms", undo=refund)
    if input["price"] >= LARGE:
        review = await ctx.approval(
            Review,
            title=f"An order for {input['price']}",
            message=f"{input['item']} (order {order_id})",
            expires="2d",
            notify=tell_reviewer,
        )
        if not review.approved:
            raise WorkflowError(f"{review.by} refused", code="order.refused", retryable=False)
    tracking: str = await ctx.step("ship", ship, order_id, retries=3, delay="200ms")
    await show("status", "shipped")
    return tracking
