"""POST /orders: take an order and hand the work on."""

from __future__ import annotations

from uuid import uuid4

from shop.orders import SCOPE, NewOrder, Order

from motia import Context, Response, http, step


@step(http("POST", "/orders"), enqueues=["order.created"], flows=["orders"])
async def create_order(new_order: NewOrder, ctx: Context) -> Response:
    order = Order(id=uuid4().hex, **new_order.model_dump())
    await ctx.state.set(SCOPE, order.id, order.model_dump())
    await ctx.enqueue("order.created", order.model_dump())
    ctx.logger.info("order received", {"order_id": order.id})
    return Response(order.model_dump(), status=201)
