"""Watches the free space that the project's data has left."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from motia.core.clock import Clock, Timer

_LOOK_S = 1.0


class DiskFloor:
    """Says whether the disk is full: below the floor new requests are refused, accepted work goes on."""

    def __init__(
        self, directory: Path, floor_bytes: int, clock: Clock, report: Callable[[str], None]
    ) -> None:
        self._directory = directory
        self._floor_bytes = floor_bytes
        self._clock = clock
        self._report = report
        self._timer: Timer | None = None
        self.full = False

    def start(self) -> None:
        """Look now, and again every second."""
        if self._directory.exists():
            free_bytes = shutil.disk_usage(self._directory).free
            full = free_bytes < self._floor_bytes
            if full and not self.full:
                self._report(
                    f"{self._directory}: {free_bytes} bytes free, below limits.min_free_disk_bytes:"
                    " new requests get 503"
                )
            self.full = full
        self._timer = self._clock.call_later(_LOOK_S, self.start, backstop=True)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
