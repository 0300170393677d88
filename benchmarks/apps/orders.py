"""The body of the POST benchmarks: one nested order, as JSON and as a model. Every application shares it."""

from __future__ import annotations

from pydantic import BaseModel, Field


class Item(BaseModel):
    sku: str = Field(min_length=1, max_length=40)
    quantity: int = Field(gt=0)
    price: float = Field(ge=0)


class Address(BaseModel):
    street: str
    city: str
    postcode: str
    country: str = Field(min_length=2, max_length=2)


class Order(BaseModel):
    customer: str
    email: str
    address: Address
    items: list[Item]
    note: str | None = None


BODY = (
    Order(
        customer="Ada Lovelace",
        email="ada@example.com",
        address=Address(street="12 St James's Square", city="London", postcode="SW1Y 4JH", country="GB"),
        items=[Item(sku=f"SKU-{number:05d}", quantity=number + 1, price=9.5 + number) for number in range(5)],
        note="Leave the parcel with the neighbour if nobody opens.",
    )
    .model_dump_json()
    .encode()
)
