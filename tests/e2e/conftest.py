"""The fixtures of the end-to-end tests: commands as a person types them, npm packages, a real browser."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "integration"))

import tempfile
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, sync_playwright
from prerequisites import chromium_path
from real_process import Project

CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A browser is slow to start: what needs one belongs to the proofs."""
    for item in items:
        if "page" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.proof)


@pytest.fixture
def real_project(tmp_path: Path) -> Iterator[Project]:
    with tempfile.TemporaryDirectory(prefix="mt") as runtime:
        yield Project(tmp_path, Path(runtime))


@pytest.fixture
def page() -> Iterator[Page]:
    """A tab of Debian's Chromium, with a profile of its own. A script error on the page fails the test.

    One browser for each test: while Playwright runs, its thread has an event loop and `asyncio.run` fails.
    """
    path = chromium_path()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGUMENTS)
        page = browser.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        yield page
        browser.close()
    assert errors == []
