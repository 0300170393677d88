"""Opening the file: pragmas, the busy handler, migrations, and refusing what would lose data."""

from __future__ import annotations

import contextlib
import ctypes
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import apsw

from motia.backends.sqlite.schema import MIGRATIONS, VERSION
from motia.errors import BackendError

_BUSY_LIMIT_S = 30.0
_NETWORK_FILE_SYSTEMS = {
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "9p",
    "afs",
    "ceph",
    "glusterfs",
    "fuse.sshfs",
}
_APPLICATION_ID = 0x4D4F5449  # "MOTI"
_T = TypeVar("_T")


def connect(path: Path, *, write: bool, vfs: str | None = None, exclusive: bool = False) -> apsw.Connection:
    """A connection with our pragmas; the file is created when `write`.

    `exclusive` for the only connection ever, on a `vfs` without shared memory.
    Failure: `BackendError` `backend.unavailable` or `backend.not_a_database`.
    """
    flags = apsw.SQLITE_OPEN_READWRITE | (apsw.SQLITE_OPEN_CREATE if write else 0)
    connection: apsw.Connection | None = None
    try:
        connection = apsw.Connection(str(path), flags=flags, vfs=vfs)
        connection.set_busy_handler(_busy_handler())
        if exclusive:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        # Has an effect on a new file only: freed pages can be given back later without rewriting all.
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        mode = _switch_to_wal(connection)
        if mode != "wal":
            raise BackendError(
                f"{path}: expected a file system that allows a write-ahead log, got journal mode {mode}",
                code="backend.unavailable",
                hint="set data_dir to a folder on a local disk",
            )
        # Else SQLite compiles a statement anew whenever its parameters change: four times the cost of a join.
        connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA temp_store = MEMORY")
        # The elected checkpointer moves the WAL; see checkpoint.py.
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("PRAGMA journal_size_limit = 67108864")
        # Reads have the file in the system's cache anyway: large ones of their own would hold it twice more.
        connection.execute(f"PRAGMA cache_size = {-32768 if write else -4096}")
    except BaseException as error:
        if connection is not None:
            let_go(connection)
        if isinstance(error, apsw.NotADBError):
            raise BackendError(
                f"{path}: expected a SQLite database, got another kind of file",
                code="backend.not_a_database",
                hint="move the file away, or set database.url to another path",
            ) from error
        if isinstance(error, apsw.Error):
            raise translated(error, path) from error
        raise
    return connection


def _switch_to_wal(connection: apsw.Connection) -> str:
    """The journal mode after asking for a WAL.

    While several processes make the file at once, SQLite answers "busy" without asking the busy handler.
    """
    wait = _busy_handler()
    tries = 0
    while True:
        try:
            return str(connection.execute("PRAGMA journal_mode = WAL").get)
        except apsw.BusyError:
            if not wait(tries):
                raise
            tries += 1


def let_go(connection: apsw.Connection) -> None:
    """Close the file, whatever the disk says.

    What the last checkpoint cannot move stays in the WAL, for whoever opens the file next; after a failure,
    that one says more than what closing might add.
    """
    with contextlib.suppress(apsw.Error):
        connection.close(force=True)


def has_moved(connection: apsw.Connection) -> bool:
    """Whether the file was deleted, or another took its place, since it was opened: what is written now is
    gone with the process. Takes a microsecond or two."""
    answer = ctypes.c_int(0)
    connection.file_control("main", apsw.SQLITE_FCNTL_HAS_MOVED, ctypes.addressof(answer))
    return bool(answer.value)


def log_moved(path: Path) -> BackendError:
    """What is said where only the write-ahead log was deleted."""
    return BackendError(
        f"{path}-wal: was deleted or replaced while motia had it open; nothing more is stored",
        code="backend.moved",
        hint="stop motia and start it again: a stop still saves what was accepted, a kill loses it",
    )


def moved(path: Path) -> BackendError:
    """What is said of a file that `has_moved`."""
    return BackendError(
        f"{path}: was deleted or replaced while motia had it open; what it held is lost, and nothing more is"
        " stored in it",
        code="backend.moved",
        hint="motia makes a new file when its nodes start again; to start over on purpose, stop motia first",
    )


def translated(error: apsw.Error, path: Path | str) -> BackendError:
    """The `BackendError` an operator can act on."""
    # The map that all nodes share is made longer by a call of its own, which a full disk fails as any other.
    no_map = getattr(error, "extendedresult", 0) == apsw.SQLITE_IOERR_SHMSIZE
    if no_map or isinstance(error, apsw.FullError):
        return BackendError(
            f"{path}: the disk is full", code="backend.full", hint="free some space", retryable=True
        )
    if isinstance(error, apsw.BusyError | apsw.LockedError):
        return BackendError(
            f"{path}: another process held the database for {_BUSY_LIMIT_S:.0f} s",
            code="backend.busy",
            retryable=True,
        )
    if isinstance(error, apsw.CorruptError | apsw.NotADBError):
        return BackendError(
            f"{path}: the database is damaged ({error})",
            code="backend.corrupt",
            hint="restore a backup made with `motia db backup`",
        )
    if isinstance(error, apsw.CantOpenError | apsw.ReadOnlyError | apsw.PermissionsError):
        return BackendError(
            f"{path}: cannot be opened for writing ({error})",
            code="backend.unavailable",
            hint="check that the folder exists and belongs to the user that runs motia",
        )
    return BackendError(f"{path}: {error}", code="backend.unavailable", retryable=True)


def migrate(connection: apsw.Connection, path: Path) -> tuple[int, int]:
    """Bring the schema up to date in one transaction; returns the versions before and after.

    Failure: `BackendError` `backend.too_new` when a newer version of motia wrote the file, and
    `backend.not_a_database` when another application did.
    """

    def work() -> int:
        found = int(connection.execute("PRAGMA user_version").get)
        owner = int(connection.execute("PRAGMA application_id").get)
        tables = int(connection.execute("SELECT count(*) FROM sqlite_schema").get)
        if tables and owner != _APPLICATION_ID:
            raise BackendError(
                f"{path}: expected a database made by motia, got one of another application",
                code="backend.not_a_database",
                hint="set database.url to a file of its own",
            )
        if found > VERSION:
            raise BackendError(
                f"{path}: expected schema version {VERSION} or older, got {found}",
                code="backend.too_new",
                hint="a newer motia-steps wrote this file; upgrade, or restore a backup",
            )
        for version in range(found, VERSION):
            connection.execute(MIGRATIONS[version])
        if found < VERSION:
            connection.execute(f"PRAGMA user_version = {VERSION}")
            connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        return found

    return in_transaction(connection, path, work), VERSION


def in_transaction(connection: apsw.Connection, path: Path, work: Callable[[], _T]) -> _T:
    """What `work` returns, committed. Failure: `BackendError`, and nothing is."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        try:
            result = work()
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    except apsw.Error as error:
        raise translated(error, path) from error
    return result


def refuse_network_file_system(path: Path) -> None:
    """Raise `BackendError` where locks cannot be trusted (Linux: read from the mount table)."""
    kind = file_system_of(path)
    if kind in _NETWORK_FILE_SYSTEMS:
        raise BackendError(
            f"{path}: expected a local disk, got a network file system ({kind}) whose locks lose data",
            code="backend.network_file_system",
            hint="set data_dir to a folder on a local disk",
        )


def file_system_of(path: Path) -> str:
    """Type of the file system that holds `path`; "unknown" where there is no mount table to read."""
    mounts = Path("/proc/self/mounts")
    if not mounts.exists():
        return "unknown"
    target = str(path.resolve())
    best, kind = "", "unknown"
    for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines():
        _, mount_point, found, *_ = line.split(" ")
        point = mount_point.replace("\\040", " ")
        inside = target == point or target.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, found
    return kind


def _busy_handler() -> Callable[[int], bool]:
    """Wait 0.2–0.5 ms between tries: SQLite's own handler stalls for 180 ms with a few busy nodes."""
    started = 0.0

    def handler(tries: int) -> bool:
        nonlocal started
        if tries == 0:
            started = time.monotonic()
        if time.monotonic() - started > _BUSY_LIMIT_S:
            return False
        time.sleep(random.uniform(0.0002, 0.0005))
        return True

    return handler
