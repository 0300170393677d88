"""The key that signs the links of approvals: from the settings, or a file that only its owner can read."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from motia.errors import SettingsError

_FILE = "approval.key"


def read_or_make_key(folder: Path) -> bytes:
    """The key in `folder`, made once for all nodes and commands.

    Failure: `SettingsError` `settings.approval_key` where it cannot be made, or others can read it.
    """
    path = folder / _FILE
    try:
        if not path.exists():
            _make(folder, path)
        found = path.lstat()
        if found.st_mode & 0o077 or found.st_uid != os.getuid():
            raise SettingsError(
                f"{path}: expected a file that only you can read, got mode {found.st_mode & 0o777:04o}",
                code="settings.approval_key",
                hint="chmod 600 it; if others may have read it, delete it: links that were sent end with it",
            )
        return bytes.fromhex(path.read_text("ascii"))
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"{path}: expected the key of approvals, got {error}",
            code="settings.approval_key",
            hint="make data_dir writable, or set workflow.approval_key",
        ) from error


def _make(folder: Path, path: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = folder / f"{_FILE}.{secrets.token_hex(8)}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32))
        # Several nodes may come at once: the first link stays, with its whole content.
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink()
