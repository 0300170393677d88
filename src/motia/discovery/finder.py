"""Which files of a project may declare steps and streams, found by name and place, before any is loaded."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from motia.discovery.imports import imports_authoring_names, is_python_test
from motia.settings.script_config import SCRIPT_CONFIGS, STREAM_AUTH

FileKind = Literal["step", "stream", "plain", "config"]

LANGUAGE_OF_EXTENSION = {
    "py": "python",
    "ts": "typescript",
    "mts": "typescript",
    "js": "javascript",
    "mjs": "javascript",
    "cjs": "javascript",
    "rb": "ruby",
    "go": "go",
}
_ROOTS = ("steps", "src", "motia/steps", "motia/events", "motia/workflows", "streams")
_STREAMS_ONLY_ROOT = "streams"
_SKIPPED_DIRECTORIES = frozenset(
    {
        "node_modules",
        "build",
        "dist",
        "venv",
        "env",
        "python_modules",
        "site-packages",
        "__pycache__",
        "tests",
        "__tests__",
    }
)
_MARKED = re.compile(r".*[._](?P<kind>step|stream)\.(?P<extension>[a-z]+)$")
_SCRIPT_TEST = re.compile(r".*[._-](test|spec)\.[a-z]+$")
_PYTHON_TEST = re.compile(r"(test_.*|.*_test|conftest)\.py$")


@dataclass(frozen=True, slots=True, order=True)
class Candidate:
    """A file to load. `plain` ones have no suffix of ours but import our authoring names; `config` is the
    `motia.config` of another language, where that says who may follow streams."""

    relative: str
    """To the project root, with forward slashes."""
    path: Path
    language: str
    kind: FileKind


@dataclass(frozen=True, slots=True)
class Found:
    """All candidates, sorted by their relative path, and `app.py` of the root where there is one."""

    candidates: tuple[Candidate, ...]
    app_file: Path | None


def find_files(project_dir: Path) -> Found:
    """Walk the places where steps live. Follows symbolic links, each directory once."""
    root = project_dir.resolve()
    found: dict[str, Candidate] = {}
    for place in _ROOTS:
        if not (root / place).is_dir():
            continue
        for path in _files_under(root / place, set()):
            relative = path.relative_to(root).as_posix()
            candidate = _candidate(path, relative)
            if candidate is None or (place == _STREAMS_ONLY_ROOT and candidate.kind != "stream"):
                continue
            found.setdefault(relative, candidate)
    config = _config(root)
    if config is not None:
        found[config.relative] = config
    app_file = root / "app.py"
    return Found(tuple(sorted(found.values())), app_file if app_file.is_file() else None)


def kind_of(name: str) -> tuple[FileKind, str] | None:
    """Kind and language that a file name promises; None for a file that can declare nothing."""
    pure = PurePosixPath(name)
    language = LANGUAGE_OF_EXTENSION.get(pure.suffix[1:])
    if language is None or name.startswith(".") or name.endswith((".d.ts", ".d.mts")):
        return None
    if language in ("typescript", "javascript") and _SCRIPT_TEST.match(name):
        return None
    marked = _MARKED.match(name)
    if marked is not None:
        return ("step" if marked["kind"] == "step" else "stream"), language
    return "plain", language


def _candidate(path: Path, relative: str) -> Candidate | None:
    kind_and_language = kind_of(path.name)
    if kind_and_language is None:
        return None
    kind, language = kind_and_language
    looks_like_test = language == "python" and _PYTHON_TEST.match(path.name) is not None
    if kind == "plain":
        if language in ("ruby", "go") or looks_like_test:
            return None
        if not imports_authoring_names(_text(path), language):
            return None
    elif looks_like_test and is_python_test(_text(path)):
        # `test_state_step.py` is as often a step about testing as a test of `state_step.py`.
        return None
    return Candidate(relative, path, language, kind)


def _config(root: Path) -> Candidate | None:
    path = next((root / name for name in SCRIPT_CONFIGS if (root / name).is_file()), None)
    if path is None or not any(name in _text(path) for name in STREAM_AUTH):
        return None
    return Candidate(path.name, path, LANGUAGE_OF_EXTENSION[path.suffix[1:]], "config")


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except OSError:
        # Unreadable: the loader meets the same error and reports it with its reason.
        return ""


def _files_under(directory: Path, visited: set[tuple[int, int]]) -> Iterator[Path]:
    status = directory.stat()
    identity = (status.st_dev, status.st_ino)
    if identity in visited:
        return
    visited.add(identity)
    with os.scandir(directory) as entries:
        ordered = sorted(entries, key=lambda entry: entry.name)
    for entry in ordered:
        if entry.is_dir():
            if not _is_skipped(entry):
                yield from _files_under(Path(entry.path), visited)
        elif entry.is_file():
            yield Path(entry.path)


def _is_skipped(entry: os.DirEntry[str]) -> bool:
    return (
        entry.name.startswith(".")
        or entry.name in _SKIPPED_DIRECTORIES
        or os.path.exists(os.path.join(entry.path, "pyvenv.cfg"))
    )
