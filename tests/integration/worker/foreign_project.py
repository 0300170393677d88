"""What the fixture `project` gives."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class WriteProject(Protocol):
    """Writes files below a new project's directory; the directory."""

    def __call__(self, **files: str) -> Path: ...
