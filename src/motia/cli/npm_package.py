"""The package `motia` that a project's package.json names: a command, types, and what tests of steps import.

It lives in the project, because the package of that name in the registry is another project.
"""

from __future__ import annotations

import shutil
from importlib import metadata
from pathlib import Path

import motia

FOLDER = "tools/motia"
DEPENDENCY = f"file:{FOLDER}"
_WORKER = Path(motia.__file__).parent / "workers" / "node"
_RUNTIME = (
    "authoring",
    "invocation",
    "schemas",
    "protocol/errors.js",
    "protocol/values.js",
    "loading/definitions.js",
    "loading/native_require.js",
    "testing.js",
    "testing_store.js",
)


def write_npm_package(project_dir: Path) -> list[str]:
    """Write the package into the project, over an older one; its files, relative to the project."""
    target = project_dir / FOLDER
    shutil.rmtree(target, ignore_errors=True)
    for source in sorted((_WORKER / "npm").iterdir()):
        _copy(source, target / source.name)
    for name in _RUNTIME:
        source = _WORKER / name
        files = sorted(source.rglob("*.js")) if source.is_dir() else [source]
        for file in files:
            _copy(file, target / "runtime" / file.relative_to(_WORKER))
    (target / "bin.js").chmod(0o755)
    return sorted(path.relative_to(project_dir).as_posix() for path in target.rglob("*") if path.is_file())


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    text = source.read_text("utf-8")
    if source.name == "package.json":
        text = text.replace("{{version}}", metadata.version("motia-steps"))
    target.write_text(text, "utf-8")
