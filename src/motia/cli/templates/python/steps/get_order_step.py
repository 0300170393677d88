"""GET /orders/:order_id: look an order up."""

from __future__ import annotations

from typing import Any

from shop.orders import SCOPE

from motia import Context, HTTPError, http, step


@step(http("GET", "/orders/:order_id"), flows=["orders"])
async def get_order(order_id: str, ctx: Context) -> dict[str, Any]:
    order = await ctx.state.get(SCOPE, order_id)
    if order is None:
        raise HTTPError(404, f"no order {order_id}")
    return dict(order)
