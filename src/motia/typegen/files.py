"""The generated files of a project, written only when their text changes."""

from __future__ import annotations

from pathlib import Path

from motia.core.registry import Registry
from motia.typegen.python import python_stub
from motia.typegen.typescript import typescript_declarations

TYPESCRIPT_FILE = "types.d.ts"
PYTHON_FILE = "motia_types.py"
_SCRIPTS = ("typescript", "javascript")


def has_scripts(registry: Registry) -> bool:
    """Whether any step or stream is written in TypeScript or JavaScript."""
    sources = [step.source for step in registry.steps.values()]
    sources += [source for stream in registry.streams.values() for source in stream.sources]
    return any(source.language in _SCRIPTS for source in sources)


def write_types(registry: Registry, project_dir: Path) -> list[Path]:
    """Write the declarations for TypeScript, and for Python where the project has its file already.

    Gives the files whose text changed. Failure: OSError.
    """
    texts = (
        {project_dir / TYPESCRIPT_FILE: typescript_declarations(registry)} if has_scripts(registry) else {}
    )
    if (project_dir / PYTHON_FILE).is_file():
        texts[project_dir / PYTHON_FILE] = python_stub(registry)
    return [path for path, text in texts.items() if write_if_changed(path, text)]


def write_if_changed(path: Path, text: str) -> bool:
    """Write a file unless it says so already: editors and watchers look at what changes."""
    if path.is_file() and path.read_text("utf-8") == text:
        return False
    path.write_text(text, "utf-8")
    return True
