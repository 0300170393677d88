"""The research is done from one question to one answer, and survives a kill after every point it persists."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from motia.testing import TestApp, crash_points

RESEARCH = Path(__file__).parents[2] / "examples" / "research_agent"
QUESTION = "Where does tea come from, and how did it reach Europe?"
FOUND = {"0": "Found in “The tea plant”.", "1": "Found in “How tea reached Europe”."}
REQUESTS = {"planner": 1, "researcher": 6, "writer": 2}
LIMIT_S = 60.0


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESEARCH_PAUSE_S", "0")
    for key in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "RESEARCH_MODEL"):
        monkeypatch.delenv(key, raising=False)


def requests_of(*apps: TestApp) -> Counter[str]:
    """How often each agent asked its model."""
    spans = [span for app in apps for span in app.spans if span.kind == "model"]
    return Counter((span.attributes or {})["gen_ai.agent.name"] for span in spans)


def test_a_question_is_planned_looked_into_and_answered() -> None:
    async def scenario() -> None:
        async with TestApp(RESEARCH) as app:
            answer = await app.http.post("/boards/b/questions", json={"text": QUESTION})
            assert answer.status_code == 202
            await app.until_idle(LIMIT_S)
            (item,) = await app.streams.group("research", "b")
            assert (item["id"], item["status"], item["done"]) == (answer.json()["id"], "done", True)
            assert item["topics"] == ["Where does tea come from", "how did it reach Europe"]
            assert item["found"] == FOUND
            assert "no language model" in item["text"]
            assert "Dutch merchants brought the first tea to Europe" in item["text"]
            assert requests_of(app) == REQUESTS
            assert item["tokens"] > 0
            assert not [line for line in app.logs if line.level in ("warning", "error")]

            too_short = await app.http.post("/boards/b/questions", json={"text": "?"})
            assert too_short.status_code == 422

    asyncio.run(scenario())


@pytest.mark.proof
def test_it_survives_a_kill_after_every_point_it_persists() -> None:
    apps: list[TestApp] = []

    async def begin(app: TestApp) -> None:
        apps[:] = [app]
        await app.http.post("/boards/b/questions", json={"text": QUESTION})
        await app.until_idle(LIMIT_S)

    async def finish(app: TestApp) -> Any:
        apps.append(app)
        await app.until_idle(LIMIT_S)
        (item,) = await app.streams.group("research", "b")
        return item

    points, texts = [], set()
    for crash in crash_points(RESEARCH, begin, finish):
        points.append(crash.after)
        texts.add(crash.result["text"])
        assert (crash.result["status"], crash.result["found"]) == ("done", FOUND), crash
        asked = requests_of(*dict.fromkeys(apps))
        # Nothing that was stored is asked again; the other researcher's request may have been under way.
        assert (asked["planner"], asked["writer"]) == (1, 2), crash
        assert REQUESTS["researcher"] <= asked["researcher"] <= REQUESTS["researcher"] + 1, crash
    assert len(texts) == 1
    assert points[0] == "planner model"
    assert "researcher 1 model#3" in points
    assert points[-1] == "the end"
    assert len(points) >= 15
