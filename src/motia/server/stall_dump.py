"""Writes where a node stands when its event loop stops turning, even while the GIL is held."""

from __future__ import annotations

import contextlib
import faulthandler
import os
from pathlib import Path


class StallDump:
    """A file that receives the stacks of all threads when `beat` is not called for `after_s` seconds.

    Also receives the stack of a fatal signal (segmentation fault, abort). One per process.
    """

    def __init__(self, path: Path, after_s: float) -> None:
        self._after_s = after_s
        self._file = path.open("wb", buffering=0)
        faulthandler.enable(self._file)

    def beat(self) -> None:
        """The loop turned: what was written meanwhile is over. Costs about 10 µs."""
        faulthandler.cancel_dump_traceback_later()
        if os.fstat(self._file.fileno()).st_size:
            self._file.seek(0)
            self._file.truncate()
        # It needs a thread. Where steps used up all of them the loop turns all the same: a stall is then
        # reported without its place, and the next beat tries again.
        with contextlib.suppress(RuntimeError):
            faulthandler.dump_traceback_later(self._after_s, repeat=True, file=self._file)

    def close(self) -> None:
        faulthandler.cancel_dump_traceback_later()
        faulthandler.disable()
        self._file.close()
