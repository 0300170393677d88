"""Where a running project keeps its lock, sockets and stack dumps: private to the user, gone at reboot."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import stat
import tempfile
from pathlib import Path
from typing import IO

from motia.errors import SettingsError
from motia.settings import Settings


def runtime_dir(settings: Settings) -> Path:
    """The project's runtime directory, made if it is missing, readable by this user alone.

    `$XDG_RUNTIME_DIR/motia/<hash of the project's path>`, else a folder of the user's in the temp directory.
    *Failure*: `SettingsError` (`settings.runtime_dir`) if somebody else owns it or can write to it.
    """
    name = hashlib.sha256(os.fsencode(settings.project_dir.resolve())).hexdigest()[:16]
    base = os.environ.get("XDG_RUNTIME_DIR")
    parent = Path(base, "motia") if base else Path(tempfile.gettempdir(), f"motia-{os.getuid()}")
    for directory in (parent, parent / name):
        try:
            directory.mkdir(mode=0o700, exist_ok=True)
            found = directory.lstat()
        except OSError as error:
            raise SettingsError(
                f"runtime directory {directory}: expected to make it, got {error.strerror}",
                code="settings.runtime_dir",
                hint="set XDG_RUNTIME_DIR to a directory of yours, mode 0700",
            ) from error
        private = stat.S_ISDIR(found.st_mode) and not found.st_mode & 0o077
        if found.st_uid != os.getuid() or not private:
            raise SettingsError(
                f"runtime directory {directory}: expected a directory of yours with mode 0700, "
                f"got owner {found.st_uid} and mode {stat.S_IMODE(found.st_mode):04o}",
                code="settings.runtime_dir",
                hint="remove it, or set XDG_RUNTIME_DIR to a directory of yours",
            )
    return parent / name


class SupervisorLock:
    """Held by the one supervisor of a project; the kernel frees it when the process dies."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "supervisor.lock"
        self._file: IO[str] | None = None

    def take(self, project_dir: Path) -> None:
        """Take the lock. *Failure*: `SettingsError` (`project.running`) naming the holder's pid and port."""
        file = os.fdopen(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with file:
                holder = file.read()
            known = json.loads(holder) if holder.endswith("}") else {}
            raise SettingsError(
                f"{project_dir}: already running as process {known.get('pid', '(starting)')} "
                f"on port {known.get('port', '(not yet open)')}",
                code="project.running",
                details=known,
                hint="use that one, or stop it first",
            ) from None
        self._file = file
        self.tell(port=None)

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
            self._file.close()
            self._file = None
