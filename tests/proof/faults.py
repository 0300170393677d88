"""What a test does to the disk and the clock of a project's nodes: a small file that all of them map."""

from __future__ import annotations

import mmap
import struct
from pathlib import Path
from typing import Literal

_LAYOUT = struct.Struct("<qqqq")
_BROKEN = {"well": 0, "full": 1, "unsynced": 2}
Disk = Literal["well", "full", "unsynced"]


class Faults:
    """Read by nodes at each look at the clock and each write; set by the test, at once for all of them."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(_LAYOUT.size))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _LAYOUT.size)

    def _get(self, index: int) -> int:
        found: int = struct.unpack_from("<q", self._map, index * 8)[0]
        return found

    def _set(self, index: int, value: int) -> None:
        struct.pack_into("<q", self._map, index * 8, value)

    @property
    def clock_ahead_ms(self) -> int:
        return self._get(0)

    @clock_ahead_ms.setter
    def clock_ahead_ms(self, value: int) -> None:
        self._set(0, value)

    @property
    def write_ms(self) -> int:
        """How long each write takes more."""
        return self._get(1)

    @property
    def sync_ms(self) -> int:
        """How long each sync takes more."""
        return self._get(2)

    def slow(self, *, write_ms: int, sync_ms: int) -> None:
        self._set(1, write_ms)
        self._set(2, sync_ms)

    def disk(self, state: Disk) -> None:
        """`full`: nothing can be written, as where writes are copies; `unsynced`: no sync ends well."""
        self._set(3, _BROKEN[state])

    @property
    def full(self) -> bool:
        return self._get(3) == _BROKEN["full"]

    @property
    def unsynced(self) -> bool:
        return self._get(3) == _BROKEN["unsynced"]

    def close(self) -> None:
        self._map.close()
