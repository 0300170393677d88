"""A lock that ends with the process that took it."""

from __future__ import annotations

import fcntl
import os
import weakref
from pathlib import Path
from typing import IO


class LockFile:
    """Holds `flock` on a file until `close`, or until this process is gone.

    A forked child shares the lock, and would go on holding it when its parent is killed: a worker of a
    step's process pool would make a dead node look alive. So a child lets go at once.
    """

    def __init__(self, path: Path, mode: str) -> None:
        """Failure: `BlockingIOError` when another holds it."""
        self.file: IO[bytes] = open(path, mode)  # noqa: SIM115 - held for the life of the node
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BaseException:
            self.file.close()
            raise
        this = weakref.ref(self)

        def in_child() -> None:
            lock = this()
            if lock is not None:
                lock.close()

        os.register_at_fork(after_in_child=in_child)

    def close(self) -> None:
        """Safe twice."""
        self.file.close()
