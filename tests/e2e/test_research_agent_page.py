"""examples/research_agent in a browser: the work is shown as it goes on, over a reload and killed nodes."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from real_process import Project, Running

RESEARCH = Path(__file__).parents[2] / "examples" / "research_agent"
LIMIT_MS = 50_000


@pytest.fixture
def research(tmp_path: Path) -> Iterator[tuple[Running, str]]:
    """The running example, and its base URL."""
    folder = tmp_path / "research"
    shutil.copytree(RESEARCH, folder, ignore=shutil.ignore_patterns(".motia", "__pycache__"))
    with tempfile.TemporaryDirectory(prefix="mt") as runtime:
        project = Project(folder, Path(runtime))
        for key in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "RESEARCH_MODEL"):
            project.environment.pop(key, None)
        with project.running("start") as running:
            yield running, asyncio.run(running.ready())


def kill_nodes(running: Running) -> None:
    for pid in running.nodes():
        os.kill(pid, signal.SIGKILL)


def test_research_survives_a_reload_and_killed_nodes(research: tuple[Running, str], page: Page) -> None:
    running, base = research
    page.goto(base)
    expect(page.get_by_role("status")).to_have_text("live", timeout=LIMIT_MS)
    page.get_by_role("button", name="Ask").click()
    article = page.locator("article")
    expect(article.locator("li")).to_have_count(3, timeout=LIMIT_MS)
    kill_nodes(running)  # while the topics are looked into, or just after

    answer = article.locator(".answer")
    expect(answer).to_contain_text("I am no language model", timeout=LIMIT_MS)
    page.reload()
    expect(answer).to_contain_text("How tea is made", timeout=LIMIT_MS)
    kill_nodes(running)

    expect(article).to_have_class("done", timeout=LIMIT_MS)
    expect(article.locator("li.found")).to_have_count(3)
    expect(answer).to_contain_text("an evergreen that grows wild")
    expect(article.locator("footer")).to_contain_text("done: ")
    text = answer.inner_text()
    assert text.count("I am no language model") == 1
    assert text.count("Dutch merchants") == 1
