"""Every worker passes the one conformance suite."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from pathlib import Path

import pytest

from motia.runtimes.worker.kinds import WORKER_KINDS
from motia.testing.conformance.worker import run_worker_checks

STEPS = Path(__file__).parent / "worker_steps"
MINIMAL = Path(__file__).parents[2] / "examples" / "worker" / "minimal_worker.py"
PROGRAM_OF_EXTENSION = {"rb": "ruby", "ts": "node", "go": "go"}
KIND_OF_EXTENSION = {"rb": "ruby", "ts": "node", "go": "go"}


@pytest.mark.parametrize("extension", PROGRAM_OF_EXTENSION)
def test_a_shipped_worker(extension: str) -> None:
    program = PROGRAM_OF_EXTENSION[extension]
    if shutil.which(program) is None:
        if os.environ.get("CI"):
            pytest.fail(f"expected {program} in CI")
        pytest.skip(f"needs {program}")
    [kind] = [kind for kind in WORKER_KINDS if kind.name == KIND_OF_EXTENSION[extension]]
    asyncio.run(run_worker_checks(kind.command(), suite_files(extension)))


def test_the_minimal_worker_of_the_documents() -> None:
    lines = [line for line in MINIMAL.read_text().splitlines() if line.strip()]
    assert len(lines) < 150
    asyncio.run(run_worker_checks([sys.executable, str(MINIMAL)], suite_files("py")))


def suite_files(extension: str) -> dict[str, str]:
    return {
        f"steps/{name}.step.{extension}": (STEPS / f"{name}.step.{extension}").read_text()
        for name in ("suite", "broken")
    }
