"""`print` inside a handler is a log line of its step; outside of one it prints."""

from __future__ import annotations

import sys
from typing import TextIO

from motia.authoring.context import current


class StepOutput:
    """Stands in for `sys.stdout` or `sys.stderr` while a node runs."""

    def __init__(self, original: TextIO, level: str) -> None:
        self.original = original
        self._level = level

    def write(self, text: str) -> int:
        context = current.get(None)
        if context is None:
            return self.original.write(text)
        context.write_output(self._level, text)
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> object:
        return getattr(self.original, name)


def capture_output() -> None:
    """From now on what handlers print becomes log lines."""
    if not isinstance(sys.stdout, StepOutput):
        sys.stdout = StepOutput(sys.stdout, "info")
        sys.stderr = StepOutput(sys.stderr, "error")


def restore_output() -> None:
    """Undo `capture_output`."""
    if isinstance(sys.stdout, StepOutput):
        sys.stdout = sys.stdout.original
    if isinstance(sys.stderr, StepOutput):
        sys.stderr = sys.stderr.original
