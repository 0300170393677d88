"""One review through TypeScript, Python, Ruby and JavaScript."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from motia.testing import TestApp

_PROJECT = Path(__file__).parents[2] / "examples" / "polyglot"


def test_a_review_travels_through_every_language(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = [program for program in ("node", "ruby") if shutil.which(program) is None]
    if missing and not os.environ.get("CI"):
        pytest.skip(f"missing: {', '.join(missing)}")

    async def scenario() -> None:
        async with TestApp(_PROJECT) as app:
            review = {"product": "lamp", "text": "a lovely lamp but late, still good"}
            taken = await app.http.post("/reviews", json=review)
            assert taken.status_code == 202, taken.text
            await app.until_idle()
            found = await app.http.get(f"/reviews/{taken.json()['id']}")
            assert found.json() == {
                **review,
                "id": taken.json()["id"],
                "score": 2,
                "label": "happy",
                "labels": {"happy": 1},
            }
            refused = await app.http.post("/reviews", json={"product": "lamp"})
            assert refused.status_code == 422
            coupon = await app.state.get("coupons", taken.json()["id"])
            assert coupon["status"] == "sent"
            await app.emit("coupon.redeemed", {"id": taken.json()["id"]})
            await app.until("message.settled", step="ThankReviewer", outcome="completed", limit_s=30)
            redeemed = await app.state.get("coupons", taken.json()["id"])
            assert redeemed == {"coupon": coupon["coupon"], "status": "redeemed"}
            assert await app.dead_letters() == []

    asyncio.run(scenario())
