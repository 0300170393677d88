"""Refusing what would drop SQLite's locks inside this process.

POSIX locks belong to a process: when any other library in it opens and closes our file, ours are gone
and acknowledged writes can be lost, with a file that still looks whole. A step that wants to look at the
data uses the `motia` command or another process.

Files are known by device and inode, so a link or another spelling of the path leads to the same refusal.
Not seen, because Python is not asked: `ATTACH` in a database of the step's own, and compiled libraries.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path
from urllib.parse import unquote, urlsplit

from motia.errors import HandlerError

Guarded = frozenset[tuple[int, int]]
"""Device and inode of the files that one `guard` protects."""

_guarded: Counter[tuple[int, int]] = Counter()
"""How many open backends each file has. Process-wide because audit hooks are, and cannot be removed."""
_installed = False


def guard(path: Path) -> Guarded:
    """Refuse `sqlite3.connect` and `open` of this database, and its WAL, until `release`.

    The files must exist, which they do while a connection is open.
    """
    global _installed
    found = [identity_of(f"{path}{suffix}") for suffix in ("", "-wal", "-shm")]
    files = frozenset(identity for identity in found if identity is not None)
    _guarded.update(files)
    if not _installed:
        _installed = True
        sys.addaudithook(_audit)
    return files


def release(files: Guarded) -> None:
    """The backend that guarded the files is closed; the last one allows access again."""
    for identity in files:
        _guarded[identity] -= 1
        if not _guarded[identity]:
            del _guarded[identity]


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    if not _guarded or event not in ("open", "sqlite3.connect") or not arguments:
        return
    target = arguments[0]
    if not isinstance(target, str | bytes | os.PathLike):
        return
    path = os.fsdecode(target)
    if identity_of(path) not in _guarded and not (
        event == "sqlite3.connect"
        and path.startswith("file:")
        and identity_of(_path_of_uri(path)) in _guarded
    ):
        return
    raise HandlerError(
        f"{path}: expected a step to leave motia's own database alone, got {event} of it in the same"
        " process, which would drop the locks that protect it",
        code="backend.foreign_access",
        hint="read it with the `motia` command, or keep your own data in another file",
        retryable=False,
    )


def identity_of(path: str) -> tuple[int, int] | None:
    """Device and inode of a file; None where there is none."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


def _path_of_uri(uri: str) -> str:
    """The path that SQLite opens for `file:` URIs: `file:a.db`, `file:/x/a.db`, `file:///x/a%20b.db?mode=ro`."""
    return unquote(urlsplit(uri).path)
