"""Tells when a write-ahead log has become long, and when it is short again.

A log can be begun anew only when nobody reads what it holds. Nodes read for moments; whoever keeps a read
open for hours from outside (a shell, a backup that hangs) lets it grow, until the disk is full.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from motia.core.clock import Clock, Timer

LONG_BYTES = 256 * 1024 * 1024
"""Four times what a log keeps of the disk when it is begun anew."""
_LOOK_S = 1.0


def log_bytes(database: Path) -> int:
    """What the log of a database takes of the disk; 0 without one."""
    try:
        return os.path.getsize(f"{database}-wal")
    except OSError:
        return 0


def long_log(database: Path, size_bytes: int) -> str:
    """What there is to say of a long log."""
    return (
        f"{database}-wal: {size_bytes // 2**20} MiB that cannot be begun anew while the database is read,"
        " and the disk fills"
    )


def how_to_end(database: Path) -> str:
    """What to do about a long log."""
    return f"end what keeps reading, as a sqlite3 shell or a copy does; `fuser -v {database}` names processes"


class LongLogs:
    """Looks once a second. A long log is told of at `LONG_BYTES`, and whenever it has doubled."""

    def __init__(self, databases: Sequence[Path], clock: Clock, report: Callable[[str], None]) -> None:
        self._told_bytes = dict.fromkeys(databases, 0)
        self._clock = clock
        self._report = report
        self._timer: Timer | None = None

    def start(self) -> None:
        """Look now, and again every second."""
        for database, told_bytes in self._told_bytes.items():
            size_bytes = log_bytes(database)
            if size_bytes >= max(LONG_BYTES, 2 * told_bytes):
                self._report(f"{long_log(database, size_bytes)}; {how_to_end(database)}")
                self._told_bytes[database] = size_bytes
            elif told_bytes and size_bytes < LONG_BYTES:
                self._report(f"{database}-wal: {size_bytes // 2**20} MiB: it is short again")
                self._told_bytes[database] = 0
        self._timer = self._clock.call_later(_LOOK_S, self.start, backstop=True)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
