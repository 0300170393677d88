"""A project of step files for one test, run in the test's own process."""

from __future__ import annotations

import asyncio
import textwrap
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from motia.core.clock import Clock
from motia.settings import Settings
from motia.testing.app import TestApp

Scenario = Callable[[TestApp], Awaitable[None]]


class Project:
    """Step files in a temporary folder, and the way to run them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.limit_s = 45.0

    def step(self, name: str, source: str) -> None:
        """Write `steps/<name>_step.py`; what every step imports stands at its top."""
        steps = self.folder / "steps"
        steps.mkdir(exist_ok=True)
        imports = "from __future__ import annotations\nimport asyncio\nfrom motia import *\n"
        path = steps / f"{name}_step.py"
        path.write_text(imports + textwrap.dedent(source))

    def file(self, name: str, source: str) -> None:
        (self.folder / name).write_text(textwrap.dedent(source))

    def run(self, scenario: Scenario, *, clock: Clock | None = None, **settings: Any) -> None:
        """Run `scenario` with the project's app; it fails after `limit_s`."""
        given = Settings.model_validate({"project_dir": self.folder, "port": 0, **settings})

        async def main() -> None:
            async with asyncio.timeout(self.limit_s), TestApp(clock=clock, settings=given) as app:
                await scenario(app)

        asyncio.run(main())


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)
