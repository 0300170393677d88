"""Every worker passes the one conformance suite."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from motia.runtimes.worker.kinds import WORKER_KINDS
from motia.testing.conformance.worker import run_worker_checks

STEPS = Path(__file__).parent / "worker_steps"
PROGRAM_OF_EXTENSION = {"rb": "ruby", "ts": "node"}
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


def suite_files(extension: str) -> dict[str, str]:
    return {
        f"steps/{name}.step.{extension}": (STEPS / f"{name}.step.{extension}").read_text()
        for name in ("suite", "broken")
    }
