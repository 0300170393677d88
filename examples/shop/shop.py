"""What the steps of the shop share: the shapes of the data, and a way to fail now and then."""

from __future__ import annotations

import os
import random
from typing import Annotated, Literal

from pydantic import BaseModel, Field

Role = Literal["user", "admin"]
PaymentMethod = Literal["credit_card", "paypal", "bank_transfer"]
Email = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]

FAILURE_RATE = float(os.environ.get("SHOP_FAILURE_RATE", "0.1"))


class NewUser(BaseModel):
    name: str = Field(min_length=2)
    email: Email
    role: Role = "user"


class Item(BaseModel):
    productId: str
    quantity: int = Field(ge=1)
    price: float = Field(ge=0)


class NewOrder(BaseModel):
    customerId: str
    items: list[Item]
    paymentMethod: PaymentMethod


def fail_now_and_then(what: str) -> None:
    """Raise as the outside world does: rarely, and without a warning."""
    if random.random() < FAILURE_RATE:
        raise RuntimeError(what)
