"""Traces of which something runs now: in the list, one by one, and as the live channel tells of them."""

from __future__ import annotations

from typing import Any

from desk import Desk, Project
from test_console_live import Page

HOLD = """
held = asyncio.Event()

@step(http("POST", "/begin"), enqueues=["job"], flows=["jobs"])
async def begin(ctx: Context) -> dict[str, str]:
    await ctx.enqueue("job", {})
    return {"trace": ctx.trace_id}

@step(queue("job", retries=0), flows=["jobs"])
async def hold(ctx: Context) -> None:
    await held.wait()

@step(http("POST", "/release"))
async def release() -> None:
    held.set()
"""


class Heard:
    """What a page was told of traces, until it was told what is asked for."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._told: list[dict[str, Any]] = []

    async def of(self, trace_id: str, status: str, spans: int) -> dict[str, Any]:
        while True:
            for trace in self._told:
                if (trace["trace_id"], trace["status"], trace["spans"]) == (trace_id, status, spans):
                    return trace
            self._told += (await self._page.until("traces"))["items"]


def test_what_runs_now_is_listed_as_running_until_it_ends(project: Project) -> None:
    project.step("hold", HOLD)

    async def scenario(desk: Desk) -> None:
        page = Page(desk)
        await page.open(topics="traces")
        begun = (await desk.app.http.post("/begin")).json()["trace"]
        sent = (await desk.send("POST", "/topics/job/messages", {"data": {}}))["trace_id"]
        heard = Heard(page)
        told = await heard.of(begun, "running", 1)
        assert (told["name"], told["steps"]) == ("begin", ["begin", "hold"])
        unseen = await heard.of(sent, "running", 0)
        assert (unseen["name"], unseen["kind"]) == ("hold", "queue")

        for filters in ({}, {"status": "running"}, {"step": "hold"}, {"flow": "jobs"}, {"text": "hold"}):
            listed = (await desk.get("/traces", **filters))["items"]
            # Both may have begun within one millisecond: either may stand first.
            assert sorted(trace["trace_id"] for trace in listed) == sorted([sent, begun]), filters
            assert {trace["status"] for trace in listed} == {"running"}
        for filters in ({"status": "ok"}, {"kind": "cron"}, {"min_us": 10**9}, {"flow": "none"}):
            assert (await desk.get("/traces", **filters))["items"] == [], filters

        detail = await desk.get(f"/traces/{sent}")
        assert (detail["summary"]["status"], detail["spans"]) == ("running", [])
        assert [run["step"] for run in detail["running"]] == ["hold"]
        assert (await desk.get(f"/traces/{begun}"))["summary"]["status"] == "running"

        await desk.app.http.post("/release")
        await heard.of(sent, "ok", 1)
        await heard.of(begun, "ok", 2)
        await page.close()
        assert (await desk.get("/traces", status="running"))["items"] == []

    project.run(scenario)
