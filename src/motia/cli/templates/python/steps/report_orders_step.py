"""Cron, every day at 09:00 UTC: count the orders."""

from __future__ import annotations

from collections import Counter

from shop.orders import SCOPE

from motia import Context, cron, step


@step(cron("0 9 * * *"), flows=["orders"])
async def report_orders(ctx: Context) -> dict[str, int]:
    orders = await ctx.state.list(SCOPE)
    counts = dict(Counter(order["status"] for order in orders))
    await ctx.state.set("reports", "latest", counts)
    ctx.logger.info("orders counted", counts)
    return counts
