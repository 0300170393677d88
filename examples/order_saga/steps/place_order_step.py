from typing import Any
from uuid import uuid4

from pydantic import BaseModel, Field

from motia import Context, HTTPError, http, step


class NewOrder(BaseModel):
    item: str = Field(min_length=1)
    price: float = Field(gt=0)


@step(http("POST", "/orders"), enqueues=["order.placed"], flows=["saga"])
async def place_order(order: NewOrder, ctx: Context) -> dict[str, Any]:
    placed = {"id": uuid4().hex, **order.model_dump(), "status": "placed"}
    async with ctx.atomic():
        await ctx.state.set("orders", placed["id"], placed)
        await ctx.enqueue("order.placed", placed)
    return {"status": 202, "body": placed}


@step(http("GET", "/orders/:id"), flows=["saga"])
async def get_order(id: str, ctx: Context) -> dict[str, Any]:
    order: dict[str, Any] | None = await ctx.state.get("orders", id)
    if order is None:
        raise HTTPError(404, f"there is no order {id}")
    return order
