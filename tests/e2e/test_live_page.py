"""The tutorial's page, in a browser: it follows what steps do, and goes on after the app was away."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect
from real_process import Project, Running

sys.path.append(str(Path(__file__).parents[1] / "docs"))

from markdown_pages import ROOT, snippets_of

pytestmark = pytest.mark.proof


@pytest.fixture
def board(tmp_path: Path) -> Iterator[tuple[Running, str]]:
    """The project of the tutorial, running, and its base URL."""
    with tempfile.TemporaryDirectory(prefix="mt") as runtime:
        project = Project(tmp_path, Path(runtime))
        for snippet in snippets_of(ROOT / "docs" / "tutorial" / "live-page.md"):
            if snippet.file is not None:
                path = tmp_path / snippet.file
                path.parent.mkdir(exist_ok=True)
                path.write_text(snippet.text, "utf-8")
        with project.running("start") as running:
            yield running, asyncio.run(running.ready())


def test_the_board_of_the_tutorial_shows_orders_as_they_come(board: tuple[Running, str], page: Page) -> None:
    running, base = board
    page.goto(base)
    expect(page.get_by_role("heading")).to_have_text("Orders")
    httpx.post(f"{base}/orders", json={"sku": "tea"}).raise_for_status()
    expect(page.locator("li")).to_have_text(["tea: new"])
    expect(page.locator("li")).to_have_text(["tea: packed"])

    for pid in running.nodes():
        os.kill(pid, signal.SIGKILL)
    httpx.post(f"{base}/orders", json={"sku": "milk"}, timeout=20).raise_for_status()
    expect(page.locator("li")).to_have_text(["tea: packed", "milk: packed"], timeout=15_000)
