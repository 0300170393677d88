"""Where a running project keeps its sockets, lock and stack dumps: private to the user, gone at reboot."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from pathlib import Path

from motia.errors import SettingsError
from motia.settings.model import Settings


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
