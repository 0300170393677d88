"""Projects that real `motia` processes run."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from real_process import Project


@pytest.fixture
def real_project(tmp_path: Path) -> Iterator[Project]:
    # Short, because Unix sockets live there.
    with tempfile.TemporaryDirectory(prefix="mt") as runtime:
        yield Project(tmp_path, Path(runtime))
