"""Tells when the files of a project change."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from watchfiles import awatch

_SUFFIXES = (".py", ".ts", ".mts", ".cts", ".tsx", ".js", ".mjs", ".cjs", ".jsx", ".rb", ".go", ".toml")
_GENERATED = ("motia_types.py",)
_IGNORED_DIRS = frozenset({"node_modules", "__pycache__", "venv", "build", "dist", "site-packages"})
_DEBOUNCE_MS = 50
_STEP_MS = 15
_WAKE_MS = 250

Snapshot = dict[str, tuple[int, int]]


def is_watched_file(name: str) -> bool:
    """Whether a change of a file of this name may change what the project does."""
    if name == ".env" or name.startswith(".env."):
        return True
    if name in _GENERATED or name.endswith((".d.ts", ".d.mts")):
        return False  # made from the steps: writing them must not load the project again
    return name.endswith(_SUFFIXES) and not name.startswith(".")


def is_watched_dir(path: Path) -> bool:
    """Whether files below this directory count: not environments, dependencies, output, dot directories."""
    name = path.name
    if name.startswith(".") or name in _IGNORED_DIRS or name.endswith(".egg-info"):
        return False
    return not (path / "pyvenv.cfg").exists()


def scan(project_dir: Path) -> tuple[list[str], Snapshot]:
    """The directories to watch, and the time and size of every watched file."""
    directories: list[str] = []
    files: Snapshot = {}
    for at, dirs, names in os.walk(project_dir):
        directories.append(at)
        dirs[:] = [name for name in dirs if is_watched_dir(Path(at, name))]
        for name in names:
            if is_watched_file(name):
                path = os.path.join(at, name)
                try:
                    found = os.stat(path)
                except FileNotFoundError:
                    continue  # gone between the listing and now, or a dangling link
                files[path] = (found.st_mtime_ns, found.st_size)
    return directories, files


async def watch_project(
    project_dir: Path, stop: asyncio.Event, on_trouble: Callable[[str], None]
) -> AsyncIterator[frozenset[str]]:
    """Yield the paths (relative to `project_dir`, which is absolute) that changed, until `stop` is set.

    Changes within 50 ms come together. Each directory is watched by itself, so that no time and none of
    the kernel's watches are spent on environments and `node_modules`; new directories are found.
    Where the kernel has no watches left, `on_trouble` is told why, and files are looked at several times a
    second instead.
    """
    directories, known = scan(project_dir)
    by_polling = False
    while not stop.is_set():
        armed = False
        watching = awatch(
            *directories,
            watch_filter=None,
            debounce=_DEBOUNCE_MS,
            step=_STEP_MS,
            stop_event=stop,
            rust_timeout=_WAKE_MS,
            yield_on_timeout=True,
            recursive=False,
            ignore_permission_denied=False,  # else it is silent, too, when the kernel has no watch left
            force_polling=by_polling or None,
        )
        try:
            async for changes in watching:
                # The first look after arming finds what changed before it.
                if armed and not any(_matters(path, directories) for _, path in changes):
                    continue
                armed = True
                now_directories, now = scan(project_dir)
                changed = {path for path in known.keys() | now.keys() if known.get(path) != now.get(path)}
                known = now
                if changed:
                    yield frozenset(path.removeprefix(f"{project_dir}/") for path in changed)
                if now_directories != directories:
                    directories = now_directories
                    break
        except (FileNotFoundError, PermissionError):
            directories, _ = scan(project_dir)  # one went between the listing and the watch: list again
        except (OSError, RuntimeError) as error:
            if by_polling:
                raise
            by_polling = True
            on_trouble(str(error))
        finally:
            await watching.aclose()


def _matters(path: str, directories: list[str]) -> bool:
    return is_watched_file(os.path.basename(path)) or path in directories or os.path.isdir(path)
