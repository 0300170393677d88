"""Transcripts of node and worker: patterns of messages, in the order they are sent.

A text `<any>` fits anything, `<number>` a number. Any other text in angle brackets is a name: what it fits
first, it stands for from then on. Objects may have members that the pattern leaves out. `do` lines say what
the node does.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "worker"
_NUMBERS = ("<write>", "<read>", "<step>", "<wait>", "<function>")
"""What a worker chooses a number for."""
NAMES = sorted(path.stem for path in FOLDER.glob("*.jsonl"))


def lines_of(name: str) -> list[dict[str, Any]]:
    """The lines of a transcript, those it includes first."""
    lines: list[dict[str, Any]] = []
    for text in (FOLDER / f"{name}.jsonl").read_text("utf-8").splitlines():
        line = json.loads(text)
        lines += lines_of(line["include"]) if "include" in line else [line]
    return lines


class Names:
    """What the names of a transcript stand for."""

    def __init__(self, **known: Any) -> None:
        self._known = {f"<{name}>": value for name, value in known.items()}

    def fits(self, pattern: Any, value: Any, path: str = "$") -> None:
        """Raises `AssertionError`, which names the path, where the value does not fit."""
        if isinstance(pattern, str) and pattern.startswith("<") and pattern.endswith(">"):
            if pattern == "<number>":
                assert isinstance(value, int), f"{path}: expected a number, got {value!r}"
            elif pattern != "<any>":
                known = self._known.setdefault(pattern, value)
                assert known == value, f"{path}: expected {pattern} = {known!r}, got {value!r}"
        elif isinstance(pattern, dict):
            assert isinstance(value, dict), f"{path}: expected an object, got {value!r}"
            for key, item in pattern.items():
                assert key in value, f"{path}: expected a member {key!r}, got {value!r:.300}"
                self.fits(item, value[key], f"{path}.{key}")
        elif isinstance(pattern, list):
            assert isinstance(value, list), f"{path}: expected a list, got {value!r}"
            assert len(pattern) == len(value), f"{path}: expected {len(pattern)} items, got {value!r}"
            for index, (one, other) in enumerate(zip(pattern, value, strict=True)):
                self.fits(one, other, f"{path}[{index}]")
        else:
            assert pattern == value, f"{path}: expected {pattern!r}, got {value!r}"

    def filled(self, pattern: Any) -> Any:
        """A message that fits, to be sent."""
        if isinstance(pattern, dict):
            return {key: self.filled(item) for key, item in pattern.items()}
        if isinstance(pattern, list):
            return [self.filled(item) for item in pattern]
        if pattern == "<number>":
            return 1
        if isinstance(pattern, str) and pattern.startswith("<") and pattern.endswith(">"):
            unknown = 1 if pattern in _NUMBERS else pattern.strip("<>")
            return self._known.setdefault(pattern, unknown) if pattern != "<any>" else "any"
        return pattern
