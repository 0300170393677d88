"""Builds the Workbench's page into the wheel where npm can; without it a page says how to get the console."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCES = ("src", "public", "index.html", "package.json", "package-lock.json", "vite.config.ts")
LIMIT_S = 900


class ConsoleHook(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Editable installs build nothing: `make console` does."""
        if version == "editable":
            return
        folder = Path(self.root) / "workbench"
        page = Path(self.root) / "src" / "motia" / "workbench" / "assets" / "index.html"
        if not folder.is_dir() or _is_fresh(page, folder):
            return
        if shutil.which("npm") is None:
            self.app.display_warning("npm is not installed: this build has no Workbench page")
            return
        for command in (["npm", "ci", "--no-audit", "--no-fund"], ["npm", "run", "build"]):
            try:
                ended = subprocess.run(
                    command, cwd=folder, capture_output=True, text=True, timeout=LIMIT_S, check=False
                )
            except subprocess.TimeoutExpired:
                self.app.display_warning(f"{' '.join(command)}: not within {LIMIT_S} s, so no Workbench page")
                return
            if ended.returncode != 0:
                self.app.display_warning(f"{' '.join(command)} failed, so no Workbench page:\n{ended.stderr}")
                return


def _is_fresh(page: Path, folder: Path) -> bool:
    if not page.is_file():
        return False
    found = [path for name in SOURCES for path in ((folder / name), *(folder / name).rglob("*"))]
    return page.stat().st_mtime >= max(path.stat().st_mtime for path in found)
