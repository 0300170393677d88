"""The catalogue lists what happens, and nothing else."""

from __future__ import annotations

from pathlib import Path

import motia
from motia.tracing.catalogue import EVENTS

SOURCES = Path(motia.__file__).parent
# `log` is what `Recorder.log` publishes.
_ELSEWHERE = {"log"}


def test_every_event_of_the_catalogue_is_emitted_somewhere() -> None:
    text = "".join(path.read_text("utf-8") for path in SOURCES.rglob("*.py") if path.name != "catalogue.py")
    unused = {name for name in EVENTS if f'"{name}"' not in text}
    assert unused - _ELSEWHERE - {"worker.started", "worker.exited"} == set()
