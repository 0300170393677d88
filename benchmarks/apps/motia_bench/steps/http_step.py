"""The two routes of the HTTP benchmarks."""

from __future__ import annotations

from orders import Order

from motia import http, step


@step(http("GET", "/hello"))
async def hello() -> dict[str, str]:
    return {"message": "hello"}


@step(http("POST", "/orders"))
async def create_order(order: Order) -> Order:
    return order
