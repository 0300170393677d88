"""Runs the real steps in this process, without ports; `app` comes with the framework."""

from __future__ import annotations

from motia.testing import TestApp

ORDER = {"customer": "ada", "items": [{"sku": "tea", "quantity": 2, "unit_price_cents": 450}]}


async def test_an_order_is_processed(app: TestApp) -> None:
    created = await app.http.post("/orders", json=ORDER)
    assert created.status_code == 201
    assert app.enqueued("order.created")
    await app.until_idle()
    found = await app.http.get(f"/orders/{created.json()['id']}")
    assert found.json()["status"] == "processed"
    assert found.json()["total_cents"] == 900


async def test_a_bad_order_is_refused(app: TestApp) -> None:
    refused = await app.http.post("/orders", json={"customer": "ada", "items": []})
    assert refused.status_code == 422
    assert not app.enqueued("order.created")


async def test_an_unknown_order_is_not_found(app: TestApp) -> None:
    missing = await app.http.get("/orders/nothing")
    assert missing.status_code == 404
