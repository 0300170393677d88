"""`clients/js` against a running app: in Node with cut connections, and in Chromium with React."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from prerequisites import bundle, installed_packages, node_path
from todo_project import TodoApp

NPM = Path(__file__).parent / "npm"


def test_what_a_cut_connection_missed_is_told_once_and_in_order(app: TodoApp, group: str) -> None:
    """R10"""
    script = installed_packages(NPM) / "own_node.js"
    command = [node_path(), script, app.base, group]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.proof
def test_clients_end_equal_to_the_store_under_random_cuts(app: TodoApp, group: str) -> None:
    """R10"""
    seed = random.randrange(1, 2**31)
    script = installed_packages(NPM) / "own_random.js"
    command = [node_path(), script, app.base, group, str(seed)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, f"seed {seed}\n{ended.stdout}{ended.stderr}"


@pytest.mark.proof
def test_react_components_follow_a_stream(app: TodoApp, group: str, page: Page, tmp_path: Path) -> None:
    page.goto(f"{app.base}/pid")
    page.add_script_tag(path=bundle(NPM / "own_react.jsx", tmp_path / "react.js"))
    page.evaluate("groups => window.render(...groups)", [group, f"{group} two", group])
    expect(page.locator("#status")).to_have_text("live")
    expect(page.locator("#first")).to_have_text("null")

    app.call("PUT", group, "t1", {"text": "tea"})
    app.call("PUT", group, "t2", {"text": "milk"})
    expect(page.locator("li")).to_have_text(["tea", "milk"])
    expect(page.locator("#first")).to_have_text("tea")
    app.call("POST", group, "t1/send", {"type": "cheer", "data": {}})
    expect(page.locator("#cheers")).to_have_text("1")

    page.get_by_role("button").click()  # to the other group
    expect(page.locator("#status")).to_have_text("live")
    expect(page.locator("li")).to_have_count(0)
    app.call("PUT", group, "t3", {"text": "of the group that is left"})
    app.call("PUT", f"{group} two", "t1", {"text": "bread"})
    expect(page.locator("li")).to_have_text(["bread"])

    page.get_by_role("button").click()  # and back
    expect(page.locator("li")).to_have_text(["tea", "milk", "of the group that is left"])
    app.call("DELETE", group, "t1")
    expect(page.locator("li")).to_have_text(["milk", "of the group that is left"])
    expect(page.locator("#first")).to_have_text("null")
