"""One supervisor a project: the lock it holds, and who holds it."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import IO

from motia.errors import SettingsError

_NAME = "supervisor.lock"


class SupervisorLock:
    """Held by the one supervisor of a project; the kernel frees it when the process dies."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / _NAME
        self._file: IO[str] | None = None

    def take(self, project_dir: Path) -> bool:
        """Take the lock; whether its last holder was killed: it gave nothing back.

        *Failure*: `SettingsError` (`project.running`) naming the holder's pid and port.
        """
        file = os.fdopen(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with file:
                known = _told(file.read())
            raise SettingsError(
                f"{project_dir}: already running as process {known.get('pid', '(starting)')} "
                f"on port {known.get('port', '(not yet open)')}",
                code="project.running",
                details=known,
                hint="use that one, or stop it first",
            ) from None
        killed = file.read() != ""
        self._file = file
        self.tell(port=None)
        return killed

    def tell(self, *, port: int | None) -> None:
        """Write who holds the lock, for whoever finds it taken."""
        assert self._file is not None, "the lock is not held"
        self._file.seek(0)
        self._file.truncate()
        json.dump({"pid": os.getpid()} | ({} if port is None else {"port": port}), self._file)
        self._file.flush()

    def release(self) -> None:
        """Give the lock back. Safe twice. The file stays: removing it would let two hold two files."""
        if self._file is not None:
            self._file.truncate(0)
            self._file.close()
            self._file = None


def last_port(directory: Path) -> int | None:
    """The API's port of whoever holds the lock of a project that runs, or held it last; None if not known."""
    try:
        return _told((directory / _NAME).read_text()).get("port")
    except FileNotFoundError:
        return None


def _told(text: str) -> dict[str, int]:
    """What the holder wrote; nothing while it writes."""
    known: dict[str, int] = json.loads(text) if text.endswith("}") else {}
    return known
