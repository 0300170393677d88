"""Projects with steps in other languages, run by the workers that are shipped."""

from __future__ import annotations

import asyncio
import inspect
import os
import shutil
from pathlib import Path

import pytest
from foreign_project import WriteProject


@pytest.fixture
def project(tmp_path: Path) -> WriteProject:
    """`project(hello__rb="…")` writes `steps/hello.step.rb`; a name without `__` is Python's."""

    def write(**files: str) -> Path:
        steps = tmp_path / "steps"
        steps.mkdir(exist_ok=True)
        for name, text in files.items():
            stem, _, extension = name.partition("__")
            file = f"{stem}.step.{extension}" if extension else f"{stem}_step.py"
            (steps / file).write_text(text)
        return tmp_path

    return write


@pytest.fixture
def ruby() -> None:
    """For tests that need Ruby: without it they are skipped, and fail in CI."""
    if shutil.which("ruby") is None:
        if os.environ.get("CI"):
            pytest.fail("expected Ruby in CI")
        pytest.skip("needs Ruby")


def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Coroutine tests run on a loop of their own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True


@pytest.fixture
def go() -> None:
    """For tests that need Go: without it they are skipped, and fail in CI."""
    if shutil.which("go") is None:
        if os.environ.get("CI"):
            pytest.fail("expected Go in CI")
        pytest.skip("needs Go")
