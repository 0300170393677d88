"""`motia db …`"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from motia.cli.options import HERE, AsJson, ProjectDir
from motia.cli.output import print_json, print_line
from motia.cli.project import load_project
from motia.errors import BackendError, SettingsError

if TYPE_CHECKING:
    from motia.settings.model import Settings

app = typer.Typer(help="Back up and migrate the database.")


@app.command("backup")
def backup(
    target: Annotated[Path, typer.Argument(help="File to write; it must not exist.")],
    directory: ProjectDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Write a consistent copy of the database; nodes may go on running."""
    # Relative to where the person stands, not to the project.
    target = target.absolute()
    source = _database(load_project(directory).settings)
    if not source.exists():
        raise SettingsError(f"database: expected a file, got nothing at {source}", code="database.missing")
    size_bytes = copy_database(source, target)
    if as_json:
        print_json({"source": str(source), "target": str(target), "bytes": size_bytes})
    else:
        print_line(f"{target}: {size_bytes} bytes")


@app.command("migrate")
def migrate(directory: ProjectDir = HERE, as_json: AsJson = False) -> None:
    """Bring the database's schema up to date; `motia start` does it too."""
    from motia.backends.sqlite import connection as sqlite

    path = _database(load_project(directory).settings)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    sqlite.refuse_network_file_system(path.parent)
    database = sqlite.connect(path, write=True)
    try:
        before, after = sqlite.migrate(database, path)
    finally:
        database.close()
    if as_json:
        print_json({"path": str(path), "from_version": before, "to_version": after})
    elif before == after:
        print_line(f"{path}: version {after}, nothing to do")
    else:
        print_line(f"{path}: version {before} → {after}")


def copy_database(source: Path, target: Path) -> int:
    """Copy the committed content of `source` to `target` while others write; returns the bytes written.

    *Failure*: `SettingsError` when `target` exists, `BackendError` otherwise; a partial file is removed.
    """
    import apsw

    from motia.backends.sqlite.connection import connect, translated

    if target.exists():
        raise SettingsError(
            f"backup: expected a new file, got {target}, which exists",
            code="backup.target_exists",
            hint="choose another name, or move that file away",
        )
    # Under another name until it is whole, so that nobody takes half a backup for one.
    partial = target.with_name(f"{target.name}.partial")
    try:
        partial.unlink(missing_ok=True)
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        database = connect(source, write=False)
        try:
            database.execute("VACUUM INTO ?", (str(partial),))
        finally:
            database.close()
        with open(partial, "rb+") as copy:
            os.fsync(copy.fileno())
        size_bytes = partial.stat().st_size
        partial.rename(target)
    except apsw.Error as error:
        raise translated(error, source) from error
    except OSError as error:
        raise BackendError(
            f"{target}: expected a file that can be written, got: {error.strerror}", code="backup.failed"
        ) from error
    finally:
        partial.unlink(missing_ok=True)
    return size_bytes


def _database(settings: Settings) -> Path:
    from motia.settings.database import locate_database

    location = locate_database(settings)
    if location.path is None:
        raise SettingsError(
            "database: expected a file, got 'memory'",
            code="database.not_shared",
            hint="a memory database lives in the running node only; use sqlite",
        )
    return location.path
