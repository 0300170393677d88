"""A Node worker in a project folder with the packages that the tests import."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from node_worker import NodeWorker

PACKAGES = Path(__file__).parents[2] / "npm"


@pytest.fixture(scope="session")
def npm_packages() -> Path:
    """The packages of `tests/npm`: a missing one skips here, and fails in CI."""
    installed = PACKAGES / "node_modules"
    if shutil.which("node") and (installed / ".package-lock.json").exists():
        return installed
    if os.environ.get("CI"):
        pytest.fail("missing in CI: Node, and `make npm`", pytrace=False)
    pytest.skip("missing: Node 20, and `make npm`")


@pytest.fixture
def worker(npm_packages: Path) -> Iterator[NodeWorker]:
    with tempfile.TemporaryDirectory(prefix="mt") as folder:
        project = Path(folder).resolve() / "project"
        (project / "node_modules").mkdir(parents=True)
        for package in npm_packages.iterdir():
            if not package.name.startswith("."):
                (project / "node_modules" / package.name).symlink_to(package)
        worker = NodeWorker(project, Path(folder))
        yield worker
        worker.close()
