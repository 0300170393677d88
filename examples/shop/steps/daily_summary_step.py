from typing import Any

from motia import Context, cron


@cron(id="daily-summary-report", schedule="0 9 * * *", flows=["reports"])
async def daily_summary(ctx: Context) -> dict[str, Any]:
    orders = await ctx.state.get_group("orders")
    shipped = [order for order in orders if order["status"] == "shipped"]
    report = {"orders": len(orders), "shipped": len(shipped)}
    ctx.logger.info("daily summary", report)
    return report
