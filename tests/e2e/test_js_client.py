"""The JavaScript client's own tests, on a socket whose other end they hold."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from prerequisites import installed_packages

CLIENT = Path(__file__).parents[2] / "clients" / "js"


def test_the_javascript_client_passes_its_own_tests() -> None:
    npm = shutil.which("npm")
    assert npm is not None
    command = [npm, "test", "--prefix", installed_packages(CLIENT)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=55, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
