"""For pytest: the fixture `app` (the project in pytest's root folder), and `async def` tests that use it."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture
def motia_runner() -> Iterator[asyncio.Runner]:
    """The event loop of one test."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def app(request: pytest.FixtureRequest, motia_runner: asyncio.Runner) -> Iterator[Any]:
    """The project of pytest's root folder, running in this process with its data in memory."""
    from motia.testing.app import TestApp

    async def make() -> TestApp:
        return TestApp(request.config.rootpath)

    running = motia_runner.run(make())
    motia_runner.run(running.__aenter__())
    yield running
    motia_runner.run(running.__aexit__(None, None, None))


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run coroutine tests that asked for one of our fixtures, on the loop their app lives in."""
    runner = pyfuncitem.funcargs.get("motia_runner")
    if not isinstance(runner, asyncio.Runner) or not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    arguments = {name: value for name, value in pyfuncitem.funcargs.items() if name in names}
    runner.run(pyfuncitem.obj(**arguments))
    return True
