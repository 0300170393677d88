"""`motia start` whose nodes have the disk and the clock that the test gives them; see `faults.py`.

    FAULTS_FILE=… python faulty_node.py start --nodes 2 --port 0

Everything else is the real thing: the supervisor, its nodes, SQLite, the files, the sockets.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Any

import apsw

sys.path.insert(0, str(Path(__file__).parent))

from faults import Faults

from motia.app import App
from motia.core.clock import SystemClock
from motia.settings import Settings
from motia.settings.load import load_settings
from motia.supervisor.run import run_supervised

VARIABLE = "FAULTS_FILE"


class _Clock(SystemClock):
    """The machine's, set forward or back."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self.now_ms = self._now_ms  # type: ignore[method-assign]  # a static attribute there, for its speed

    def _now_ms(self) -> int:
        return time.time_ns() // 1_000_000 + self._faults.clock_ahead_ms


class _File(apsw.VFSFile):
    def __init__(self, faults: Faults, name: Any, flags: list[int]) -> None:
        super().__init__("unix", name, flags)
        self._faults = faults

    def xWrite(self, data: bytes, offset: int) -> None:
        if self._faults.write_ms:
            time.sleep(self._faults.write_ms / 1000)
        if self._faults.full:
            raise apsw.FullError("no space left on device")
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:
        if self._faults.sync_ms:
            time.sleep(self._faults.sync_ms / 1000)
        if self._faults.unsynced:
            raise apsw.IOError("the disk does not answer")
        super().xSync(flags)


class _Vfs(apsw.VFS):
    """SQLite's own, but for what is broken."""

    def __init__(self, faults: Faults) -> None:
        super().__init__("faulty", base="unix", makedefault=True)
        self._faults = faults

    def xOpen(self, name: Any, flags: list[int]) -> _File:
        return _File(self._faults, name, flags)


class FaultyApp(App):
    def __init__(self, settings: Settings, **keywords: Any) -> None:
        faults = Faults(Path(os.environ[VARIABLE]))
        self._vfs = _Vfs(faults)
        super().__init__(settings, clock=_Clock(faults), **keywords)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["start"])
    parser.add_argument("--nodes", type=int, default=1)
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    flags = {"nodes": options.nodes, "port": options.port}
    here = {"PYTHONPATH": str(Path(__file__).parent)}
    settings = load_settings(Path.cwd(), mode="production", flags=flags).settings
    sys.exit(run_supervised(settings, app="faulty_node:FaultyApp", environment={**os.environ, **here}))
