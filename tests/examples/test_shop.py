"""The shop does what its README says."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from motia.testing import TestApp

SHOP = Path(__file__).parents[2] / "examples" / "shop"
ORDER = {
    "customerId": "cust_1",
    "items": [{"productId": "p1", "quantity": 2, "price": 29.99}],
    "paymentMethod": "paypal",
}


@pytest.fixture(autouse=True)
def failing_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_FAILURE_RATE", "0.3")


def test_a_user_is_made_welcomed_and_analysed() -> None:
    async def run() -> None:
        async with TestApp(SHOP) as app:
            answer = await app.http.post("/users", json={"name": "Fatima", "email": "fatima@example.com"})
            assert answer.status_code == 200
            user = answer.json()["user"]
            assert answer.json()["success"] is True
            assert user["role"] == "user"
            assert set(user) == {"id", "name", "email", "role", "createdAt"}
            await app.until_idle()
            assert [item["userId"] for item in app.enqueued("send-welcome-email")] == [user["id"]]
            assert [item["userId"] for item in app.enqueued("analyze-user-behavior")] == [user["id"]]
            assert any("welcome mail to Fatima" in line.message for line in app.logs)
            assert await app.dead_letters() == []

    asyncio.run(run())


def test_a_user_that_does_not_fit_is_refused_with_every_path() -> None:
    async def run() -> None:
        async with TestApp(SHOP) as app:
            answer = await app.http.post("/users", json={"name": "F", "email": "nobody", "role": "king"})
            assert answer.status_code == 422
            assert answer.headers["content-type"] == "application/problem+json"
            assert {error["path"] for error in answer.json()["errors"]} == {"name", "email", "role"}

    asyncio.run(run())


def test_an_order_is_shipped_although_stock_and_payment_fail_now_and_then() -> None:
    async def run() -> None:
        async with TestApp(SHOP) as app:
            answer = await app.http.post("/orders", json=ORDER)
            assert answer.status_code == 200
            order_id = answer.json()["orderId"]
            assert answer.json()["status"] == "processing"
            assert "estimatedDelivery" in answer.json()
            await app.until("invocation.ended", step="create-shipping-label", status="ok", limit_s=30)
            order = (await app.http.get(f"/orders/{order_id}")).json()
            assert order["status"] in ("paid", "shipped")
            await app.until_idle()
            order = (await app.http.get(f"/orders/{order_id}")).json()
            assert order["status"] == "shipped"
            assert (await app.call("daily-summary-report")) == {"orders": 1, "shipped": 1}
            assert (await app.call("cleanup-shipped-orders")) == {"removed": 1}
            assert (await app.http.get(f"/orders/{order_id}")).status_code == 404

    asyncio.run(run())
