"""The live channel: what a page hears, and what it hears after it was away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from desk import Desk, Project

from motia.backends.memory.backend import MemoryBackend
from motia.backends.memory.store import MemoryStore
from motia.core.batch import Batch, StateClear, StateDelete, StatePut
from motia.encoding import decode
from motia.testing.clock import ManualClock

WORK = """
config = {"name": "work", "triggers": [http("POST", "/work")], "enqueues": ["job"]}

async def handler(request, ctx):
    ctx.logger.info("began", {"n": request.body["n"]})
    await ctx.state.set("jobs", str(request.body["n"]), "waiting")
    await ctx.enqueue({"topic": "job", "data": request.body})
    return {}
"""
JOB = """
config = {"name": "job", "triggers": [queue("job", retries=0)]}

async def handler(data, ctx):
    if data["n"] == 13:
        raise ValueError("unlucky")
    ctx.logger.warning("done")
"""


@pytest.fixture
def working(project: Project) -> Project:
    project.step("work", WORK)
    project.step("job", JOB)
    return project


class Page:
    """One page's event stream, read event by event."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.cursor = ""
        self._body: AsyncIterator[bytes] | None = None

    async def open(self, **params: str) -> None:
        """Open the stream; `hello` is the first event."""
        from motia.core.occurrence import Request

        query = "&".join(f"{name}={value}" for name, value in params.items()).encode()
        headers = [(b"host", b"127.0.0.1:3000"), (b"authorization", b"Bearer " + self._desk.token.encode())]
        request = Request("GET", "/__motia/live", "", {}, query, headers, b"")
        gateway: Any = self._desk.app.app.gateway
        endpoint = gateway.admit(request, "/__motia/live", "workbench")
        response = await endpoint.answer(request, lambda _: None)
        assert response.status == 200, response.body
        self._body = response.body
        assert (await self.next())[0] == "hello"

    async def next(self) -> tuple[str, Any]:
        assert self._body is not None
        fields = dict(line.split(": ", 1) for line in (await anext(self._body)).decode().strip().split("\n"))
        self.cursor = fields["id"]
        return fields["event"], decode(fields["data"])

    async def until(self, name: str) -> Any:
        while True:
            event, data = await self.next()
            if event == name:
                return data

    async def close(self) -> None:
        assert self._body is not None
        await self._body.aclose()  # type: ignore[attr-defined]  # it is a generator


async def work(desk: Desk, n: int) -> None:
    assert (await desk.app.http.post("/work", json={"n": n})).status_code == 200
    await desk.app.until_idle()
    assert desk.app.app.engine is not None
    await desk.app.app.engine.flush_traces()


def test_a_page_hears_of_traces_lines_and_activity(working: Project) -> None:
    async def scenario(desk: Desk) -> None:
        page = Page(desk)
        await page.open()
        await work(desk, 13)
        names: set[str] = set()
        traces, lines, edges, states = [], [], [], []
        while not names >= {"traces", "logs", "activity", "states", "queues"} or not edges:
            name, data = await page.next()
            names.add(name)
            traces += data["items"] if name == "traces" else []
            lines += data["items"] if name == "logs" else []
            edges += data["edges"] if name == "activity" else []
            states += data["items"] if name == "states" else []
        await page.close()
        assert traces[-1]["status"] == "error"
        assert lines[0]["message"] == "began"
        assert edges == [{"source": "work", "topic": "job", "target": "job", "runs": 1, "failures": 1}]
        assert (states[0]["scope"], states[0]["change"]) == ("jobs", "created")
        assert not desk.app.app.recorder._subscribers[1:]

    working.run(scenario)


def test_a_page_that_was_away_gets_what_it_missed(working: Project) -> None:
    async def scenario(desk: Desk) -> None:
        page = Page(desk)
        await page.open(topics="traces,logs")
        await work(desk, 1)
        await page.until("logs")
        await page.close()
        await work(desk, 2)
        await work(desk, 3)
        await page.open(topics="logs", cursor=page.cursor, step="work")
        missed = await page.until("logs")
        assert [line["data"]["n"] for line in missed["items"]] == [2, 3]
        await page.close()

    working.run(scenario)


def test_a_cursor_of_another_life_asks_to_load_again(working: Project) -> None:
    async def scenario(desk: Desk) -> None:
        await work(desk, 1)
        page = Page(desk)
        await page.open(topics="traces,logs", cursor="99999.99999.0.0")
        assert (await page.next()) == ("resync", {"topics": ["traces", "logs"]})
        await page.close()
        await page.open(topics="traces,logs", cursor="nonsense")
        await page.close()

    working.run(scenario)


def test_a_page_hears_of_changes_of_state_made_elsewhere(working: Project) -> None:
    store = MemoryStore()

    async def scenario(desk: Desk) -> None:
        elsewhere = MemoryBackend(store, bytes(16))
        await elsewhere.open()
        page = Page(desk)
        await page.open(topics="states")
        assert await page.next() == ("resync", {"topics": ["states"]})
        await elsewhere.commit(Batch([StatePut(scope="jobs", key="a", value=b"1", now_ms=_now_ms(desk))]))
        assert _changes(await page.until("states")) == [("jobs", "a", "created")]
        await page.close()
        await elsewhere.commit(Batch([StateDelete(scope="jobs", key="a", now_ms=_now_ms(desk))]))
        await desk.send("PUT", "/states/jobs/b", {"value": 2})
        await elsewhere.commit(Batch([StateClear(scope="jobs", now_ms=_now_ms(desk))]))
        await elsewhere.close()
        await page.open(topics="states", cursor=page.cursor)
        missed = [("jobs", "a", "deleted"), ("jobs", "b", "created"), ("jobs", None, "cleared")]
        assert _changes(await page.until("states")) == missed
        await page.close()

    working.run(scenario, store=store)


def test_a_page_that_was_away_for_too_long_reads_state_again(working: Project) -> None:
    async def scenario(desk: Desk) -> None:
        page = Page(desk)
        await page.open(topics="states")
        await page.until("resync")
        await page.close()
        await desk.app.advance(61)
        await desk.send("PUT", "/states/jobs/a", {"value": 1})
        await page.open(topics="states", cursor=page.cursor)
        assert await page.next() == ("resync", {"topics": ["states"]})
        await page.close()

    working.run(scenario, clock=ManualClock())


def _now_ms(desk: Desk) -> int:
    assert desk.app.app.engine is not None
    return desk.app.app.engine.clock.now_ms()


def _changes(event: Any) -> list[tuple[str, str | None, str]]:
    return [(one["scope"], one["key"], one["change"]) for one in event["items"]]


def test_a_drain_says_goodbye(working: Project) -> None:
    async def scenario(desk: Desk) -> None:
        answer = asyncio.ensure_future(desk.ask("GET", "/live", params={"topics": "queues"}))
        await asyncio.sleep(0)
        await desk.app.app.drain()
        assert b"event: bye" in (await answer).content

    working.run(scenario)


def test_an_unknown_topic_is_refused(working: Project) -> None:
    async def scenario(desk: Desk) -> None:
        answer = await desk.ask("GET", "/live", params={"topics": "traces,weather"})
        assert (answer.status_code, answer.json()["code"]) == (422, "input.invalid")

    working.run(scenario)
