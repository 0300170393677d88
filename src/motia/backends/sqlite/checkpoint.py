"""Moving the WAL into the file: by exactly one node, elected by a lock file.

Several connections that checkpoint and write at once are slower and have been the ground of a SQLite
defect; a lock that dies with its process needs no clock.
"""

from __future__ import annotations

import os
from pathlib import Path

import apsw

from motia.backends.sqlite.lock_file import LockFile

_CHECKPOINT_PAGES = 4000
"""16 MB of WAL: small enough to be moved in some 20 ms, large enough to spare most rewrites of a page."""

_FREE_PAGES_KEPT = 16_000
"""64 MB that a drained backlog leaves for the next one; pages beyond it are given back."""

_PAGES_GIVEN_BACK = 500
"""At a time, once a second: other writers wait for some 10 ms."""


class Checkpointer:
    """Lives in the writer's thread: SQLite calls `after_commit` with the WAL's length."""

    def __init__(self, lock_path: Path) -> None:
        self._lock_path = lock_path
        self._lock: LockFile | None = None
        self.failure: Exception | None = None
        """Why the last checkpoint was put off; None when it was not."""

    def try_elect(self) -> bool:
        """Whether this node is the checkpointer now."""
        if self._lock is not None:
            return True
        try:
            self._lock = LockFile(self._lock_path, "wb")
        except BlockingIOError:
            return False
        return True

    def attach(self, connection: apsw.Connection) -> None:
        connection.set_wal_hook(self._after_commit)

    def release(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def run(self, connection: apsw.Connection) -> None:
        """If this node is elected: move what a long WAL holds, and give surplus free pages back."""
        try:
            if not self.try_elect():
                return
            wal = Path(f"{connection.filename}-wal")
            if wal.exists() and os.path.getsize(wal) > _CHECKPOINT_PAGES * 4096:
                self._checkpoint(connection)
            if int(connection.execute("PRAGMA freelist_count").get) > _FREE_PAGES_KEPT:
                # Each row is one page given back.
                connection.execute(f"PRAGMA incremental_vacuum({_PAGES_GIVEN_BACK})").fetchall()
        except (OSError, apsw.Error) as error:
            self.failure = error

    def _after_commit(self, connection: apsw.Connection, name: str, pages: int) -> int:
        if pages >= _CHECKPOINT_PAGES and self._lock is not None:
            self._checkpoint(connection)
        return apsw.SQLITE_OK

    def _checkpoint(self, connection: apsw.Connection) -> None:
        # A failure (the disk is full, a backup runs) leaves the WAL as it is, and the next attempt moves it.
        # Raised out of the hook it would make a commit that is durable look as if it had failed.
        try:
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
            self.failure = None
        except apsw.Error as error:
            self.failure = error
