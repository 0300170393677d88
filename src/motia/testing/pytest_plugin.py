"""For pytest: the fixture `app` (the project in pytest's root folder), and `async def` tests."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator
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
    # As it is written: another plugin may have put a call on a loop of its own in its place.
    test = getattr(pyfuncitem.instance or pyfuncitem.module, pyfuncitem.originalname)
    if not isinstance(runner, asyncio.Runner) or not inspect.iscoroutinefunction(test):
        return None
    _run(test, pyfuncitem, runner)
    return True


class _Unclaimed:
    """Runs the coroutine tests that no other plugin takes, such as those that make their `TestApp`.

    The others try first; pytest, which refuses what nobody takes, tries last.
    """

    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool | None:
        if not inspect.iscoroutinefunction(pyfuncitem.obj):
            return None
        with asyncio.Runner() as runner:
            _run(pyfuncitem.obj, pyfuncitem, runner)
        return True


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(_Unclaimed())


def _run(test: Callable[..., Any], item: pytest.Function, runner: asyncio.Runner) -> None:
    names = inspect.signature(test).parameters
    runner.run(test(**{name: value for name, value in item.funcargs.items() if name in names}))
