"""The npm packages `@motiadev/stream-client-*` as published, unmodified, follow a running app."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from prerequisites import bundle, installed_packages, node_path
from todo_project import TodoApp

NPM = Path(__file__).parent / "npm"
LIMIT_S = 50
EXPECTED = {
    "sync": "t1=tea",
    "itemSync": "tea",
    "create": "t1=tea t2=milk",
    "hurry": "t1=19 t2=milk",
    "signals": [["group", {"loud": True}], ["item", {"loud": True}]],
    "delete": "t2=milk",
    "update": "t2=oat milk",
    "afterRestart": "t2=oat milk t3=bread",
}


@pytest.mark.parametrize("port", ["app", pytest.param("console", marks=pytest.mark.proof)])
def test_the_node_client_follows_a_stream(port: str, app: TodoApp, group: str) -> None:
    script = installed_packages(NPM) / "published_node.js"
    address = app.socket if port == "app" else app.console_socket
    command = [node_path(), script, app.base, address, group, json.dumps(EXPECTED)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.proof
@pytest.mark.parametrize("version", ["current", "0.2"])
def test_the_browser_client_follows_a_stream(
    version: str, app: TodoApp, group: str, page: Page, tmp_path: Path
) -> None:
    page.goto(f"{app.base}/pid")
    page.add_script_tag(path=bundle(NPM / "published_browser.js", tmp_path / "browser.js"))
    # A token goes out as a subprotocol; a browser gives up unless the first one comes back.
    options = {"protocols": ["Authorization", "token"]} if version == "current" else {}
    page.set_default_timeout(LIMIT_S * 1000)
    seen = page.evaluate(
        "arguments => window.follow(...arguments)",
        [version, app.socket, app.base, group, options],
    )
    assert seen == EXPECTED


@pytest.mark.proof
def test_the_react_client_follows_a_stream(app: TodoApp, group: str, page: Page, tmp_path: Path) -> None:
    page.goto(f"{app.base}/pid")
    page.add_script_tag(path=bundle(NPM / "published_react.jsx", tmp_path / "react.js"))
    page.evaluate("([address, group]) => window.render(address, group)", [app.socket, group])
    expect(page.locator("#first")).to_have_text("none")
    app.call("PUT", group, "t1", {"text": "tea"})
    expect(page.locator("#first")).to_have_text("tea")
    app.call("PUT", group, "t2", {"text": "milk"})
    expect(page.locator("li")).to_have_text(["milk", "tea"])
    app.call("POST", group, "t1/send", {"type": "cheer", "data": {}})
    expect(page.locator("#cheers")).to_have_text("1")
    app.call("DELETE", group, "t1")
    expect(page.locator("#first")).to_have_text("none")
    expect(page.locator("li")).to_have_text(["milk"])
