"""A project directory and a way to run `motia` in it, inside this process."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from motia.backends.sqlite.backend import SqliteBackend
from motia.cli.commands import main
from motia.core.batch import Batch
from motia.core.registry import Registry, build_registry
from motia.errors import DefinitionError
from motia.settings.database import locate_database
from motia.settings.load import load_settings
from motia.settings.model import Settings


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on stdout; fails when there is anything else."""
        return json.loads(self.out)


@dataclass
class Notice:
    path: str
    line: int
    message: str
    hint: str = ""


@dataclass
class Discovered:
    registry: Registry = field(default_factory=lambda: build_registry([]))
    problems: list[DefinitionError] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)


def open_backend(settings: Settings) -> SqliteBackend:
    path = locate_database(settings).path
    assert path is not None
    return SqliteBackend(path, os.urandom(16))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty project that is the working directory, with nothing of the machine's environment."""
    before = dict(os.environ)
    for name in ("PORT", "HOST", "DATABASE_URL", "REDIS_URL", "NODE_ENV", "LOG_LEVEL"):
        os.environ.pop(name, None)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def app_module(monkeypatch: pytest.MonkeyPatch) -> types.SimpleNamespace:
    """Stands where `motia.outside` is: a real store, and steps that a test chooses."""
    module = types.ModuleType("motia.outside")
    found = Discovered()

    async def discover_project(settings: Settings) -> Discovered:
        print("a step file says hello")
        return found

    module.discover_project = discover_project  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "motia.outside", module)
    monkeypatch.setattr("motia.adapters.open_backend", open_backend)
    return types.SimpleNamespace(module=module, found=found)


@pytest.fixture
def motia(project: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    def run(*arguments: str) -> Ran:
        capsys.readouterr()
        code = main(arguments)
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run


@pytest.fixture
def store(project: Path) -> Callable[..., Any]:
    """Commit operations to the project's store, as a node would."""

    def commit(operations: Sequence[Any]) -> list[Any]:
        async def session() -> list[Any]:
            backend = open_backend(load_settings(project).settings)
            await backend.open()
            try:
                return await backend.commit(Batch(operations))
            finally:
                await backend.close()

        return asyncio.run(session())

    return commit
