"""The agent that `motia create` writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from motia.cli.create import write_template
from motia.testing import TestApp


@pytest.mark.anyio
async def test_the_agent_of_a_template_answers(tmp_path: Path) -> None:
    write_template("empty", tmp_path / "py", ai=True)
    async with TestApp(tmp_path / "py") as app:
        asked = await app.http.post("/questions", json={"text": "Which day is it?"})
        assert asked.status_code == 202
        await app.until_idle(30)
        answered = await app.http.get(f"/questions/{asked.json()['id']}")
        assert answered.json()["status"] == "answered"
        assert "today" in answered.json()["answer"]
