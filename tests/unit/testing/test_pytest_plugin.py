from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

# What pytest-asyncio does to every test in its mode `auto`.
TAKES_ALL = """
import asyncio, functools
import pytest

@pytest.hookimpl(tryfirst=True, hookwrapper=True)
def pytest_pyfunc_call(pyfuncitem):
    written = pyfuncitem.obj

    @functools.wraps(written)
    def on_a_loop(**arguments):
        asyncio.run(written(**arguments))

    pyfuncitem.obj = on_a_loop
    yield
"""
TESTS = """
import asyncio
from pathlib import Path
import pytest
from motia.testing import ManualClock, TestApp

async def test_with_the_fixture(app):
    await app.emit("greet", {"name": "Ada"})
    await app.until("message.settled", limit_s=60)

class TestInAClass:
    async def test_with_the_fixture(self, app):
        await app.emit("greet", {"name": "Ada"})
        await app.until("message.settled", limit_s=60)

@pytest.mark.parametrize("name", ["Ada", "Bob"])
async def test_of_its_own(name):
    async with TestApp(Path(__file__).parent, clock=ManualClock()) as app:
        assert await app.call("greet", {"name": name}) == name

@pytest.mark.xfail(strict=True)
async def test_that_fails():
    assert False
"""
STEP = """
from motia import queue, step

@step(queue("greet"))
async def greet(name: str) -> str:
    return name
"""


def ran(project: Path) -> str:
    (project / "steps").mkdir()
    (project / "steps" / "greet_step.py").write_text(STEP, "utf-8")
    (project / "test_all.py").write_text(TESTS, "utf-8")
    options = ["-q", "-p", "motia.testing.pytest_plugin", "-p", "no:cacheprovider", f"--rootdir={project}"]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
    command = [sys.executable, "-m", "pytest", *options, str(project)]
    ended = subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    return ended.stdout


def test_coroutines_are_run(tmp_path: Path) -> None:
    assert "4 passed, 1 xfailed" in ran(tmp_path)


def test_beside_a_plugin_that_takes_every_coroutine(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(TAKES_ALL, "utf-8")
    assert "4 passed, 1 xfailed" in ran(tmp_path)
