"""Where the database is, from its URL."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from motia.errors import SettingsError
from motia.settings.model import Settings

DEFAULT_FILE = "motia.db"
_MEMORY = {"memory", "memory:", "memory://", "sqlite::memory:", "sqlite://:memory:", "sqlite:///:memory:"}


@dataclass(frozen=True, slots=True)
class DatabaseLocation:
    """A backend and, where it has one, its file."""

    kind: Literal["sqlite", "memory"]
    path: Path | None = None
    """Absolute; None for memory."""


def locate_database(settings: Settings) -> DatabaseLocation:
    """The backend and the file that `settings.database.url` names.

    `sqlite` is a file in the data directory; `sqlite:file`, `sqlite://./file` are relative to the project,
    `sqlite:///file` is absolute. *Failure*: `SettingsError` `database.unsupported`; the message never holds
    more of the URL than its scheme, because URLs carry passwords.
    """
    url = settings.database.url.strip()
    if url in _MEMORY:
        return DatabaseLocation("memory")
    scheme, colon, rest = url.partition(":")
    if scheme.lower().partition("+")[0] != "sqlite":
        raise _unsupported(scheme if colon else "a text without a scheme")
    name = rest.removeprefix("//").partition("?")[0]
    if name:
        # Four slashes are another usual spelling of an absolute path.
        path = Path(f"/{name.lstrip('/')}") if name.startswith("/") else settings.project_dir / name
    else:
        path = settings.project_dir / settings.data_dir / DEFAULT_FILE
    return DatabaseLocation("sqlite", path.absolute())


def _unsupported(got: str) -> SettingsError:
    return SettingsError(
        f"database url: expected sqlite, sqlite:<file> or memory, got {got!r}",
        code="database.unsupported",
        details={"scheme": got},
        hint="Postgres, Redis and other servers are not supported yet. MOTIA_DATABASE__URL=sqlite wins over "
        "DATABASE_URL and keeps messages and state in a file of the project",
    )
