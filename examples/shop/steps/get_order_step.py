from typing import Any

from motia import Context, HTTPError, api


@api(id="get-order", method="GET", path="/orders/:id", flows=["orders"])
async def get_order(id: str, ctx: Context) -> dict[str, Any]:
    order: dict[str, Any] | None = await ctx.state.get("orders", id)
    if order is None:
        raise HTTPError(404, f"there is no order {id}")
    return order
