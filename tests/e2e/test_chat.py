"""examples/chat in a real browser: an answer arrives token by token, over a reload and a killed worker."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from real_process import Project, Running

CHAT = Path(__file__).parents[2] / "examples" / "chat"
QUESTION = "Where does <b>tea</b> come from?"
LIMIT_MS = 30_000

pytestmark = pytest.mark.proof


@pytest.fixture
def chat(tmp_path: Path) -> Iterator[tuple[Running, str]]:
    """The running example, and its base URL."""
    folder = tmp_path / "chat"
    shutil.copytree(CHAT, folder, ignore=shutil.ignore_patterns(".motia", "__pycache__"))
    with tempfile.TemporaryDirectory(prefix="mt") as runtime:
        project = Project(folder, Path(runtime))
        project.environment["CHAT_TOKEN_PAUSE_S"] = "0.05"
        with project.running("start") as running:
            yield running, asyncio.run(running.ready())


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> str:
    """What the example's model says to the question."""
    monkeypatch.syspath_prepend(CHAT)
    try:
        from fake_model import answer_to

        return str(answer_to(QUESTION))
    finally:
        sys.modules.pop("fake_model", None)


def test_an_answer_survives_a_reload_and_a_killed_worker(
    chat: tuple[Running, str], page: Page, answer: str
) -> None:
    running, base = chat
    page.goto(base)
    expect(page.get_by_role("status")).to_have_text("live")
    page.get_by_label("Your question").fill(QUESTION)
    page.get_by_role("button", name="Ask").click()
    written = page.locator("article.assistant")
    expect(page.locator("article.user")).to_have_text(QUESTION)

    seen = [_grown(page, 0), _grown(page, 3)]
    page.reload()
    seen.append(_grown(page, 1))
    assert not written.get_attribute("class").endswith("done")  # it is still being written
    for pid in running.nodes():
        os.kill(pid, signal.SIGKILL)

    expect(written).to_have_class("assistant done", timeout=LIMIT_MS)
    expect(written).to_have_text(answer)
    assert all(answer.startswith(text.strip()) for text in seen)
    page.reload()
    expect(written).to_have_text(answer)


def _grown(page: Page, least_words: int) -> str:
    """What is shown of the answer once it has more words."""
    text = "document.querySelector('article.assistant')?.textContent ?? ''"
    page.wait_for_function(f"({text}).split(' ').length > {least_words + 1}", timeout=LIMIT_MS)
    return str(page.evaluate(text))
