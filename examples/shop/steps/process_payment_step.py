from uuid import uuid4

from shop import fail_now_and_then

from motia import Context, event


@event(
    id="process-payment",
    schema={"orderId": str},
    retries=9,
    retry_delay="200ms",
    enqueues=["create-shipping-label"],
    flows=["orders"],
)
async def process_payment(orderId: str, ctx: Context) -> dict[str, str]:
    order = await ctx.state.get("orders", orderId)
    amount = sum(item["price"] * item["quantity"] for item in order["items"])
    fail_now_and_then(f"the payment of {orderId} was refused")
    transaction_id = f"txn_{uuid4().hex[:12]}"
    ctx.logger.info("paid", {"orderId": orderId, "amount": amount, "method": order["paymentMethod"]})
    async with ctx.atomic():
        await ctx.state.update(
            "orders",
            orderId,
            [{"type": "merge", "value": {"status": "paid", "transactionId": transaction_id}}],
        )
        await ctx.trigger_step("create-shipping-label", {"orderId": orderId})
    return {"transactionId": transaction_id}
