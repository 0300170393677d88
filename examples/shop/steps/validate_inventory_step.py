from shop import fail_now_and_then

from motia import Context, event


@event(
    id="validate-inventory",
    schema={"orderId": str},
    retries=9,
    retry_delay="200ms",
    enqueues=["process-payment"],
    flows=["orders"],
)
async def validate_inventory(orderId: str, ctx: Context) -> dict[str, bool]:
    fail_now_and_then(f"not enough stock for {orderId}")
    async with ctx.atomic():
        await ctx.state.update("orders", orderId, [{"type": "set", "path": "status", "value": "validated"}])
        await ctx.trigger_step("process-payment", {"orderId": orderId})
    return {"validated": True}
