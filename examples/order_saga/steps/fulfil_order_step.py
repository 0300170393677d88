"""The saga: reserve, charge, ask a person about large orders, ship. What was done is undone when it fails."""

from typing import Any

from warehouse import charge, refund, release, reserve, ship

from motia import Context, WorkflowError, queue, step

LARGE = 1000


@step(queue("order.placed"), flows=["saga"])
async def fulfil_order(input: dict[str, Any], ctx: Context) -> str:
    order_id: str = input["id"]

    async def show(status: str) -> None:
        await ctx.state.update("orders", order_id, [{"type": "set", "path": "status", "value": status}])

    try:
        await ctx.step("reserve", reserve, input["item"], undo=release)
        await ctx.step("charge", charge, input["price"], retries=3, delay="200ms", undo=refund)
        if input["price"] >= LARGE:
            await show("waiting for approval")
            answer = await ctx.wait_for("order.reviewed", match={"order": order_id}, timeout="2d")
            if not answer["approved"]:
                raise WorkflowError(f"{answer['by']} refused", code="order.refused", retryable=False)
        tracking: str = await ctx.step("ship", ship, order_id, retries=3, delay="200ms")
    except WorkflowError:
        await show("cancelled")
        raise
    await show("shipped")
    return tracking
