"""Queue order.created: work that nobody should wait for. It is retried when it raises."""

from __future__ import annotations

from shop.orders import SCOPE, Order, processed

from motia import Context, queue, step


@step(queue("order.created"), flows=["orders"])
async def process_order(order: Order, ctx: Context) -> None:
    # A message can arrive twice: writing the same result under the same key again changes nothing.
    result = processed(order)
    await ctx.state.set(SCOPE, order.id, result.model_dump())
    ctx.logger.info("order processed", {"order_id": order.id, "total_cents": result.total_cents})
