"""Makes the folders that a project keeps its data in."""

from __future__ import annotations

import os
from pathlib import Path

from motia.errors import SettingsError
from motia.settings.database import locate_database
from motia.settings.model import Settings


def make_data_folders(settings: Settings) -> None:
    """The folders of the database and of the traces, made if they are missing, for their owner alone.

    *Failure*: `SettingsError` (`settings.data_dir`, `database.unsupported`).
    """
    location = locate_database(settings)
    if location.path is not None:
        make_data_folder(location.path.parent)
    if settings.tracing.enabled:
        make_data_folder(settings.project_dir / settings.data_dir)


def make_data_folder(folder: Path) -> None:
    """One such folder. *Failure*: `SettingsError` `settings.data_dir`."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise _refused(folder, "make", error.strerror or str(error)) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _refused(folder, "write to", "Permission denied")


def _refused(folder: Path, to: str, got: str) -> SettingsError:
    return SettingsError(
        f"{folder}: expected to {to} a folder for data, got {got}",
        code="settings.data_dir",
        hint="set data_dir, or MOTIA_DATA_DIR, to a folder that can be written",
    )
