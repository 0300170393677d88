"""The tutorial's chapter on four languages: one review, from its form to one trace of them all."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from prerequisites import node_path, program_path
from real_process import Project
from workbench_pages import Endpoints, Flow, Traces, Workbench

from conftest import ROOT, Console, served

STEPS = ("SubmitReview", "ScoreReview", "LabelReview", "StoreReview")


@pytest.fixture
def polyglot(built_console: None, tmp_path: Path) -> Iterator[Console]:
    node_path()
    program_path("ruby", "apt-get install ruby")
    shutil.copytree(ROOT / "examples" / "polyglot", tmp_path, dirs_exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="mt") as runtime,
        served(Project(tmp_path, Path(runtime))) as console,
    ):
        yield console


def test_one_review_is_one_trace_through_all_languages(page: Page, polyglot: Console) -> None:
    workbench = Workbench.opened(page, polyglot.url, polyglot.token)
    flow = Flow(workbench)
    for step in STEPS:
        expect(flow.node(step)).to_be_visible()
    flow.node("LabelReview").click()
    panel = flow.panel("LabelReview")
    panel.get_by_role("tab", name="Source").click()
    expect(panel.get_by_text("review.labelled")).not_to_have_count(0)

    workbench.go("Endpoints")
    endpoints = Endpoints(workbench)
    endpoints.choose("POST", "/reviews")
    endpoints.fill(product="lamp", text="a lovely lamp but late, still good")
    response = endpoints.send()
    expect(response.get_by_text("202", exact=True)).to_be_visible()
    response.get_by_role("link", name="Open the trace").click()

    traces = Traces(workbench)
    for step in STEPS:
        expect(traces.span(step)).to_be_visible()
    page.get_by_role("tab", name=re.compile("^All logs")).click()
    expect(page.get_by_text("review taken", exact=True)).to_be_visible()
    trace = re.search(r"/traces/([0-9a-f]+)", page.url)
    assert trace is not None
    workbench.open(f"/states?scope=reviews&key={trace[1]}")
    expect(page.get_by_role("complementary", name=trace[1]).get_by_text('"happy"')).to_be_visible()
