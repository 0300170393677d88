"""A token that a client sends as a subprotocol decides what it may follow; a right that ends, ends there."""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page
from prerequisites import bundle, installed_packages, node_path
from real_process import Project

NPM = Path(__file__).parent / "npm"
ROLES = """
import json
from pathlib import Path

FILE = Path(__file__).parent / "roles.json"

async def stream_auth(request):
    if request["token"] is None:
        return {"name": "guest", "roles": []}
    return {"name": request["token"], "roles": [json.loads(FILE.read_text())[request["token"]]]}
"""
NEWS = """
config = {"name": "news", "access": {"join": ["member"]}}
"""
CHANGE_ROLES = """
from pathlib import Path
config = {"name": "Roles", "triggers": [http("PUT", "/roles")]}
async def handler(request, ctx):
    new = Path("roles.json.new")
    new.write_text(request.raw_body)
    new.rename("roles.json")
    return {"changed": True}
"""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of an app with a stream for members."""
    with tempfile.TemporaryDirectory(prefix="mt") as runtime:
        project = Project(tmp_path_factory.mktemp("news"), Path(runtime))
        project.file("app.py", ROLES)
        project.file("roles.json", '{"ada": "nobody", "bob": "member"}')
        project.step("roles", CHANGE_ROLES)
        (project.folder / "steps" / "news_stream.py").write_text(NEWS)
        with project.running("start") as running:
            yield asyncio.run(running.ready())


def test_our_client_is_told_what_it_may_not_follow(base: str) -> None:
    command = [node_path(), installed_packages(NPM) / "own_access.js", base]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.proof
def test_the_token_of_a_published_client_in_a_browser_is_heard(base: str, page: Page, tmp_path: Path) -> None:
    page.goto(f"{base}/pid")
    page.add_script_tag(path=bundle(NPM / "published_browser.js", tmp_path / "browser.js"))
    join = "([address, token]) => window.firstOf(address, token, 'news', 'all')"
    socket = base.replace("http", "ws", 1)
    assert page.evaluate(join, [socket, "bob"]) == []
    assert page.evaluate(join, [socket, None])["code"] == "STREAM_ACCESS_DENIED"
