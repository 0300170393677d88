"""A disk whose power can be cut: what was not synced by then survives in part, in any order, or torn.

Each file keeps its content as of the last sync and the writes since. A cut applies a random subset of
those writes, sector by sector, to the synced content: what a disk with a volatile cache may leave.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw

_SECTOR_BYTES = 512


class PowerCutError(apsw.IOError):
    """The machine is off: nothing can be read or written any more."""


class _Stored:
    """One file: what the operating system shows, what is safe, and what lies between."""

    def __init__(self) -> None:
        self.content = bytearray()
        self.synced = b""
        self.was_synced = False
        """Its name is safe: SQLite syncs the directory with the first sync of a new file."""
        self.unsynced: list[tuple[int, bytes] | int] = []
        """Writes (offset, data) and truncations (size), in order."""


class Disk:
    """The files, and the moment of the cut: after `operations_until_cut` writes, truncations and syncs."""

    def __init__(self, chance: random.Random, operations_until_cut: int) -> None:
        self.files: dict[str, _Stored] = {}
        self.is_off = False
        self.syncs = 0
        self._chance = chance
        self._operations_left = operations_until_cut

    def count(self) -> None:
        """One more change of the disk; raises when it is the last."""
        self._operations_left -= 1
        if self._operations_left <= 0:
            self.is_off = True
        self.check()

    def check(self) -> None:
        if self.is_off:
            raise PowerCutError("the power was cut")

    def write_survivors(self, folder: Path) -> None:
        """Put what a restarted machine would find into `folder`."""
        for name, stored in self.files.items():
            if stored.was_synced or self._chance.random() < 0.5:
                (folder / Path(name).name).write_bytes(self._survivor(stored))

    def _survivor(self, stored: _Stored) -> bytes:
        kept = self._chance.choice((0.0, 0.1, 0.5, 0.9, 1.0))
        image = bytearray(stored.synced)
        for change in stored.unsynced:
            if isinstance(change, int):
                if self._chance.random() < kept:
                    _resize(image, change)
                continue
            offset, data = change
            for start in range(0, len(data), _SECTOR_BYTES):
                if self._chance.random() < kept:
                    _write(image, offset + start, data[start : start + _SECTOR_BYTES])
        return bytes(image)


def _resize(image: bytearray, size: int) -> None:
    del image[size:]
    image.extend(bytes(size - len(image)))


def _write(image: bytearray, offset: int, data: bytes) -> None:
    if len(image) < offset + len(data):
        _resize(image, offset + len(data))
    image[offset : offset + len(data)] = data


class _File:
    def __init__(self, disk: Disk, stored: _Stored) -> None:
        self._disk = disk
        self._stored = stored

    def xRead(self, amount: int, offset: int) -> bytes:
        self._disk.check()
        return bytes(self._stored.content[offset : offset + amount])

    def xWrite(self, data: bytes, offset: int) -> None:
        self._stored.unsynced.append((offset, bytes(data)))
        _write(self._stored.content, offset, data)
        self._disk.count()

    def xTruncate(self, size: int) -> None:
        self._stored.unsynced.append(size)
        _resize(self._stored.content, size)
        self._disk.count()

    def xSync(self, flags: int) -> None:
        # Counted first: a sync that the cut interrupts has made nothing safe.
        self._disk.count()
        self._disk.syncs += 1
        self._stored.synced = bytes(self._stored.content)
        self._stored.was_synced = True
        self._stored.unsynced.clear()

    def xFileSize(self) -> int:
        return len(self._stored.content)

    def xLock(self, level: int) -> None: ...

    def xUnlock(self, level: int) -> None: ...

    def xCheckReservedLock(self) -> bool:
        return False

    def xFileControl(self, operation: int, pointer: int) -> bool:
        return False

    def xSectorSize(self) -> int:
        return _SECTOR_BYTES

    def xDeviceCharacteristics(self) -> int:
        return 0

    def xClose(self) -> None: ...


class _Vfs(apsw.VFS):
    def __init__(self, name: str, disk: Disk) -> None:
        super().__init__(name, base="")
        self._disk = disk

    def xOpen(self, name: Any, flags: list[int]) -> Any:
        self._disk.check()
        path = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        return _File(self._disk, self._disk.files.setdefault(path, _Stored()))

    def xAccess(self, path: str, flags: int) -> bool:
        return path in self._disk.files

    def xDelete(self, path: str, sync_directory: bool) -> None:
        if not self._disk.is_off:
            self._disk.files.pop(path, None)

    def xFullPathname(self, path: str) -> str:
        return path


@contextmanager
def mounted(disk: Disk) -> Iterator[str]:
    """The name of a VFS on which SQLite uses `disk`."""
    name = f"power-cut-{id(disk)}"
    vfs = _Vfs(name, disk)
    try:
        yield name
    finally:
        vfs.unregister()
