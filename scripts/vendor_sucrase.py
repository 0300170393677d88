"""Bundle sucrase into the Node worker: one file of plain JavaScript, and its licence beside it.

Run it after changing a version here or `scripts/sucrase/entry.js`; needs npm. The result is committed, so
that neither a user nor a build needs a registry.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

SUCRASE = "3.35.1"
ESBUILD = "0.25.12"
_BANNER = f"// @ts-nocheck\n// sucrase {SUCRASE}, MIT, see LICENSE. Made by scripts/vendor_sucrase.py."
_REPOSITORY = Path(__file__).parent.parent
_TARGET = _REPOSITORY / "src/motia/workers/node/vendor"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        install = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", folder]
        subprocess.run([*install, f"sucrase@{SUCRASE}", f"esbuild@{ESBUILD}"], check=True)
        modules = Path(folder) / "node_modules"
        entry = Path(folder) / "entry.js"
        shutil.copy(_REPOSITORY / "scripts/sucrase/entry.js", entry)
        subprocess.run(
            [
                str(modules / ".bin/esbuild"),
                "entry.js",
                "--bundle",
                "--format=esm",
                "--platform=node",
                "--target=node20",
                "--main-fields=module,main",
                "--legal-comments=none",
                f"--banner:js={_BANNER}",
                f"--outfile={_TARGET / 'sucrase.js'}",
            ],
            check=True,
            cwd=folder,
        )
        shutil.copy(modules / "sucrase/LICENSE", _TARGET / "LICENSE")


if __name__ == "__main__":
    main()
