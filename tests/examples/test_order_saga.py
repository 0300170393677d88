"""The saga ends well, is undone as a whole, and survives a kill after every point it persists."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from motia.testing import ManualClock, TestApp, crash_points

SAGA = Path(__file__).parents[2] / "examples" / "order_saga"


@pytest.fixture(autouse=True)
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "ledger.jsonl"
    monkeypatch.setenv("SAGA_LEDGER", str(path))
    return path


def done(path: Path) -> list[str]:
    return [line.split('"')[3] for line in path.read_text().splitlines()] if path.exists() else []


async def place(app: TestApp, price: float) -> str:
    answer = await app.http.post("/orders", json={"item": "globe", "price": price})
    assert answer.status_code == 202
    await app.until_idle()
    order_id: str = answer.json()["id"]
    return order_id


async def status(app: TestApp, order_id: str) -> Any:
    return (await app.http.get(f"/orders/{order_id}")).json()["status"]


def test_a_small_order_goes_straight_through(ledger: Path) -> None:
    async def run() -> None:
        async with TestApp(SAGA) as app:
            assert await status(app, await place(app, 20)) == "shipped"
            assert done(ledger) == ["reserve", "charge", "ship"]

    asyncio.run(run())


@pytest.mark.parametrize(
    ("approved", "ends", "did"),
    [
        (True, "shipped", ["reserve", "charge", "ship"]),
        (False, "cancelled", ["reserve", "charge", "refund", "release"]),
    ],
)
def test_a_large_order_waits_for_a_person(ledger: Path, approved: bool, ends: str, did: list[str]) -> None:
    async def run() -> None:
        async with TestApp(SAGA, clock=ManualClock()) as app:
            order_id = await place(app, 1200)
            await app.advance(hours=20)
            assert await status(app, order_id) == "waiting for approval"
            (asked,) = await app.approvals()
            shown = (await app.http.get(f"/orders/{order_id}")).json()
            assert shown["review"] == asked["url"]
            review = {"approved": approved, "by": "Ada"}
            assert (await app.http.post(asked["path"], json=review)).status_code == 200
            await app.until_idle()
            assert await status(app, order_id) == ends
            assert done(ledger) == did

    asyncio.run(run())


def test_nobody_answers_and_it_is_undone(ledger: Path) -> None:
    async def run() -> None:
        async with TestApp(SAGA, clock=ManualClock()) as app:
            order_id = await place(app, 1200)
            await app.advance(days=2, seconds=1)
            await app.until_idle()
            assert await status(app, order_id) == "cancelled"
            assert done(ledger) == ["reserve", "charge", "refund", "release"]

    asyncio.run(run())


def test_a_run_that_is_cancelled_while_it_asks_is_undone(ledger: Path) -> None:
    async def run() -> None:
        async with TestApp(SAGA, clock=ManualClock()) as app:
            order_id = await place(app, 1200)
            (asked,) = await app.approvals()
            token = app.app.console_secrets.token
            answer = await app.console.post(
                f"/__motia/runs/{asked['run_id']}/cancel",
                headers={"authorization": f"Bearer {token}", "host": "localhost"},
            )
            assert answer.json() == {"cancelled": 1, "undone": True}
            await app.until_idle()
            assert await status(app, order_id) == "cancelled"
            assert done(ledger) == ["reserve", "charge", "refund", "release"]

    asyncio.run(run())


@pytest.mark.parametrize("approved", [True, False])
def test_it_survives_a_kill_after_every_point_it_persists(ledger: Path, approved: bool) -> None:
    order = {"id": "o1", "item": "globe", "price": 1200, "status": "placed"}

    async def begin(app: TestApp) -> None:
        ledger.unlink(missing_ok=True)
        await app.emit("order.placed", order)
        await app.until_idle()

    async def finish(app: TestApp) -> Any:
        await app.until_idle()
        for asked in await app.approvals():
            await app.http.post(asked["path"], json={"approved": approved, "by": "Ada"})
        await app.advance(minutes=5)
        await app.until_idle()
        return (await app.state.get("orders", "o1"))["status"]

    after = []
    for crash in crash_points(SAGA, begin, finish):
        after.append(crash.after)
        assert crash.result == ("shipped" if approved else "cancelled"), crash
        # At least once each; the one that the kill cut short may be done a second time.
        counts = Counter(done(ledger))
        expected = {"reserve", "charge", "ship"} if approved else {"reserve", "charge", "refund", "release"}
        assert set(counts) == expected, crash
        assert all(count == 1 for count in counts.values()), crash
    assert after[:5] == ["accept", "reserve", "charge", "approval", "notify approval"]
    assert after[-1] == "the end"
    assert len(after) >= 7
