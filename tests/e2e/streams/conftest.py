"""A running app with a stream, one for all tests of a module."""

from __future__ import annotations

import asyncio
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from real_process import Project
from todo_project import TodoApp, write_todo_project


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TodoApp]:
    with tempfile.TemporaryDirectory(prefix="mt") as runtime:
        project = Project(tmp_path_factory.mktemp("todo"), Path(runtime))
        write_todo_project(project)
        with project.running("dev", "--workbench-port", "0") as running:
            yield TodoApp(running, asyncio.run(running.ready()))


@pytest.fixture
def group() -> str:
    """A group that no other test uses, with characters that need care."""
    return f"Läden: a/b {uuid.uuid4().hex[:8]}"
