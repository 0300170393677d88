"""The fixture of the integration tests, for commands as a person types them."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "integration"))

import tempfile
from collections.abc import Iterator

import pytest
from real_process import Project


@pytest.fixture
def real_project(tmp_path: Path) -> Iterator[Project]:
    with tempfile.TemporaryDirectory(prefix="mt") as runtime:
        yield Project(tmp_path, Path(runtime))
