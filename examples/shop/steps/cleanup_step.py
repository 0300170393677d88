from motia import Context, cron


@cron(id="cleanup-shipped-orders", schedule="0 2 * * 0", flows=["reports"])
async def cleanup(ctx: Context) -> dict[str, int]:
    orders = await ctx.state.entries("orders")
    shipped = [order_id for order_id, order in orders.items() if order["status"] == "shipped"]
    for order_id in shipped:
        await ctx.state.delete("orders", order_id)
    ctx.logger.info("removed shipped orders", {"count": len(shipped)})
    return {"removed": len(shipped)}
