"""The steps of the how-to page on Ruby and Go load and run as they stand there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from motia.testing import TestApp

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "steps-in-ruby-and-go.md"
_SNIPPET = re.compile(r"```(?:ruby|go)\n(?:#|//) (steps/\S+)\n(.*?)```", re.DOTALL)


@pytest.mark.usefixtures("ruby", "go")
async def test_the_steps_of_the_page(tmp_path: Path) -> None:
    (tmp_path / "steps").mkdir()
    snippets = _SNIPPET.findall(PAGE.read_text("utf-8"))
    assert [path for path, _ in snippets] == [
        "steps/create_order.step.rb",
        "steps/settle_bill.step.rb",
        "steps/order_paid.step.go",
        "steps/settle_debt.step.go",
    ]
    for path, text in snippets:
        (tmp_path / path).write_text(text, "utf-8")
    async with TestApp(tmp_path) as app:
        answer = await app.http.post("/orders", json={"total": 12.5})
        assert answer.status_code == 201
        assert await app.state.get("orders", answer.json()["id"]) == {"total": 12.5}
        assert (await app.http.post("/orders", json={"total": 0})).status_code == 409
        await app.emit("order.paid", {"id": "7"})
        await app.until_idle()
        assert await app.state.get("paid", "7") is True
        for what, step in (("bill", "SettleBill"), ("debt", "SettleDebt")):
            # It was paid before anybody came to wait for that.
            await app.emit(f"{what}.sent", {"id": "7"})
            await app.emit(f"{what}.paid", {"id": "8", "by": "Bob"})
            await app.emit(f"{what}.paid", {"id": "7", "by": "Ada"})
            await app.until("message.settled", step=step, outcome="completed", limit_s=30)
        assert await app.state.get("bills", "B-7") == "Ada"
        assert await app.state.get("debts", "D-7") == "Ada"
        assert await app.dead_letters() == []
        assert not [line for line in app.logs if "which no step names" in line.message]
