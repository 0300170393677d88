"""What a handler prints, or says to `logging`, is a log line of its step; outside of one it is printed."""

from __future__ import annotations

import logging
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


class StepLogHandler(logging.Handler):
    """What `logging` does with records for which nobody configured a handler, while a node runs."""

    def __init__(self, original: logging.Handler | None) -> None:
        super().__init__()
        self.original = original

    def handle(self, record: logging.LogRecord) -> bool:
        context = current.get(None)
        if context is not None:
            told = context.logger
            tell = {50: told.critical, 40: told.error, 30: told.warning, 20: told.info}.get(
                record.levelno // 10 * 10, told.debug
            )
            tell(record.getMessage(), {"logger": record.name}, exc_info=record.exc_info)
        elif self.original is not None and record.levelno >= self.original.level:
            self.original.handle(record)
        return True


def capture_output() -> None:
    """From now on what handlers print becomes log lines."""
    if not isinstance(logging.lastResort, StepLogHandler):
        # Not a handler of the root logger: with one there `logging.basicConfig` does nothing.
        logging.lastResort = StepLogHandler(logging.lastResort)
    if not isinstance(sys.stdout, StepOutput):
        sys.stdout = StepOutput(sys.stdout, "info")
        sys.stderr = StepOutput(sys.stderr, "error")


def restore_output() -> None:
    """Undo `capture_output`."""
    if isinstance(logging.lastResort, StepLogHandler):
        logging.lastResort = logging.lastResort.original
    if isinstance(sys.stdout, StepOutput):
        sys.stdout = sys.stdout.original
    if isinstance(sys.stderr, StepOutput):
        sys.stderr = sys.stderr.original
