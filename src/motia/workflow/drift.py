"""What a journal says beside what code says: which recorded calls the code cannot make any more. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from motia.core.workflow import NOTIFY_STEP, JournalEntry

_SUFFIX = re.compile(r"(?:\[.*\])?(?:#\d+)?$", re.DOTALL)
"""What a run adds to a name: the key, and the count of those before it."""
_OF_CODE = {"step": ("",), "sleep": ("sleep",), "wait": ("wait ", "signal "), "call": ("call ",)}
"""Kinds of entries that a durable call in the text makes, and how their names begin."""


@dataclass(frozen=True, slots=True)
class DurableCall:
    """One durable call as it stands in a file."""

    name: str
    kind: str
    version: int | None = 1
    """None = the program says it."""
    line: int = 0


@dataclass(frozen=True, slots=True)
class CodeOfRun:
    """The durable calls that a handler can make, as far as its text says."""

    calls: tuple[DurableCall, ...]
    patterns: tuple[str, ...] = ()
    """Regular expressions of names that are partly text: `f"charge {item}"`."""
    is_complete: bool = False
    """Whether there can be no others."""


@dataclass(frozen=True, slots=True)
class Drift:
    """A recorded call that the code does not make any more."""

    name: str
    old: str
    new: str
    line: int
    """Of the call that took its name; 0 = there is none."""


def drifts(entries: Iterable[JournalEntry], code: CodeOfRun) -> list[Drift]:
    """What of a run's journal does not fit the code; nothing where the text does not say."""
    by_name: dict[str, list[DurableCall]] = {}
    for call in code.calls:
        by_name.setdefault(call.name, []).append(call)
    found = [_drift(entry, by_name, code) for entry in entries]
    return [drift for drift in found if drift is not None]


def _drift(entry: JournalEntry, calls: Mapping[str, list[DurableCall]], code: CodeOfRun) -> Drift | None:
    if not entry.name.startswith(_OF_CODE.get(entry.kind, ())) or entry.name.startswith(NOTIFY_STEP):
        return None
    counted = re.sub(r"#\d+$", "", entry.name)
    same_name = calls.get(counted) or calls.get(_SUFFIX.sub("", entry.name)) or []
    old = _described(entry.kind, entry.version)
    if not same_name:
        if not code.is_complete or any(re.fullmatch(pattern, counted) for pattern in code.patterns):
            return None
        return Drift(entry.name, old, "no such call", 0)
    if any(call.kind == entry.kind and call.version in (None, entry.version) for call in same_name):
        return None
    if code.patterns or not code.is_complete:
        # Another call may have the name, too.
        same_kind = [call for call in same_name if call.kind == entry.kind]
        if not same_kind:
            return None
    now = same_name[0]
    return Drift(entry.name, old, _described(now.kind, now.version), now.line)


def _described(kind: str, version: int | None) -> str:
    return f"{kind} version {version}" if kind == "step" else kind
