"""The page's own tests: its pure parts and its forms, without a browser."""

from __future__ import annotations

import subprocess

import pytest
from prerequisites import installed_packages

from conftest import SOURCES


@pytest.mark.proof
@pytest.mark.timeout(180)
def test_the_page_passes_its_own_tests() -> None:
    folder = installed_packages(SOURCES)
    ended = subprocess.run(
        ["npm", "test"], cwd=folder, capture_output=True, text=True, timeout=170, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
