from __future__ import annotations

import os

import pytest

from motia.supervisor.events import Stopping
from motia.supervisor.run import print_event


def test_what_nobody_reads_any_more_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with pytest.raises(BrokenPipeError), open(writer, "w", buffering=1, encoding="utf-8") as stream:
        monkeypatch.setattr("sys.stderr", stream)
        print_event(Stopping(now=False))
