"""What the terminal is told of a project that has loaded."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from motia.testing import ManualClock, TestApp


def test_a_banner_names_routes_and_next_ticks_in_a_line_each(project: Any) -> None:
    project.step("order", '@step(http("GET", "/orders/:id"))\nasync def order(): ...\n')
    project.step("tick", '@step(cron("0 9 * * *"))\nasync def tick(): ...\n')

    async def scenario(app: TestApp) -> None:
        banner = app.app.banner()
        steps, route, schedule = banner["lines"]
        assert steps == "2 steps, 0 broken"
        assert route.split() == ["GET", "/orders/:id", "order", "steps/order_step.py:4"]
        assert schedule == "  cron   0 9 * * *  tick  next 2026-01-02 09:00:00 UTC"
        assert banner["routes"] == [{"method": "GET", "path": "/orders/:id", "step": "order"}]

    project.run(scenario, clock=ManualClock(datetime(2026, 1, 1, 10, tzinfo=UTC)))


def test_a_folder_without_steps_says_where_they_go(project: Any) -> None:
    async def scenario(app: TestApp) -> None:
        told, hint = app.app.banner()["lines"]
        assert told == "0 steps, 0 broken"
        assert "steps/" in hint
        assert "--dir" in hint

    project.run(scenario)
