"""What an order is. Plain Python: no step, no framework."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

SCOPE = "orders"
"""The state scope that holds one entry an order."""


class Item(BaseModel):
    sku: str = Field(min_length=1)
    quantity: int = Field(ge=1)
    unit_price_cents: int = Field(ge=0)


class NewOrder(BaseModel):
    customer: str = Field(min_length=1)
    items: list[Item] = Field(min_length=1)


class Order(NewOrder):
    id: str
    status: Literal["received", "processed"] = "received"
    total_cents: int | None = None


def processed(order: Order) -> Order:
    """The order with its total."""
    total_cents = sum(item.quantity * item.unit_price_cents for item in order.items)
    return order.model_copy(update={"status": "processed", "total_cents": total_cents})
