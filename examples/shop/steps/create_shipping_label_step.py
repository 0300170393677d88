from uuid import uuid4

from motia import Context, event


@event(id="create-shipping-label", schema={"orderId": str}, flows=["orders"])
async def create_shipping_label(orderId: str, ctx: Context) -> dict[str, str]:
    label = f"label_{uuid4().hex[:12]}"
    await ctx.state.update(
        "orders", orderId, [{"type": "merge", "value": {"status": "shipped", "label": label}}]
    )
    ctx.logger.info("shipped", {"orderId": orderId, "label": label})
    return {"label": label}
