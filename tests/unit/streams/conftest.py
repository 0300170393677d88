"""A served project for one test."""

from __future__ import annotations

from pathlib import Path

import pytest
from served_project import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    made.stream("chat")
    return made
