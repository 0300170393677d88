"""Tools that the end-to-end tests need beside Python: a missing one skips here, and fails in CI."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest


def chromium_path() -> str:
    """Where Chromium is."""
    return shutil.which("chromium") or _missing("Chromium: apt-get install chromium")


def node_path() -> str:
    """Where Node is."""
    return program_path("node", "apt-get install nodejs npm")


def program_path(name: str, how: str) -> str:
    """Where a program is."""
    return shutil.which(name) or _missing(f"{name}: {how}")


def installed_packages(folder: Path) -> Path:
    """A folder whose npm packages are installed."""
    node_path()
    if not (folder / "node_modules" / ".package-lock.json").exists():
        _missing(f"npm packages: npm ci --prefix {folder}")
    return folder


def bundle(script: Path, target: Path) -> Path:
    """A script and what it imports from its folder's packages, as one file for a page."""
    packages = installed_packages(script.parent)
    esbuild = packages / "node_modules" / ".bin" / "esbuild"
    # A linked package finds its peers, as React, in the folder that links it.
    options = ["--bundle", "--preserve-symlinks", "--jsx=automatic", "--log-level=warning"]
    subprocess.run([esbuild, script, f"--outfile={target}", *options], check=True, timeout=120)
    return target


def _missing(what: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(f"missing in CI: {what}", pytrace=False)
    pytest.skip(f"missing: {what}")
