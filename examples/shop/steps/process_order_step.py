from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from shop import NewOrder

from motia import Context, api


@api(id="process-order", method="POST", path="/orders", enqueues=["validate-inventory"], flows=["orders"])
async def process_order(body: NewOrder, ctx: Context) -> dict[str, Any]:
    order_id = f"order_{uuid4().hex[:12]}"
    order = {"orderId": order_id, "status": "processing", **body.model_dump()}
    # The order and the message that moves it on are stored together, or neither is.
    async with ctx.atomic():
        await ctx.state.set("orders", order_id, order)
        await ctx.trigger_step("validate-inventory", {"orderId": order_id})
    return {
        "success": True,
        "orderId": order_id,
        "status": "processing",
        "estimatedDelivery": (datetime.now(UTC) + timedelta(days=7)).isoformat(),
    }
