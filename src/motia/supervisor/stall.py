"""When a silent node is reported and when it is killed, and where it stands. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from motia.settings import Settings

_THREAD = re.compile(r"^(?:Current thread|Thread) 0x([0-9a-f]+)")
_FRAME = re.compile(r'^  File "(.+)", line (\d+) in (.+)$')
_NOT_THE_PROJECT = re.compile(r"/(site-packages|dist-packages|node_modules)/|/\.[^/]+/|/lib/python3")

_EXIT_S = 10.0
"""A drained node leaves within 2 s, threads or not; a machine under load may take a while for that."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a node's event loop may stand still."""

    report_s: float
    kill_s: float

    @classmethod
    def of(cls, settings: Settings, kill_after_s: float | None) -> Patience:
        """By mode: 2 s in development, 5 s in production; killed past the handler timeout and its grace."""
        limit_s = settings.queue.handler_timeout_s + settings.queue.cancel_grace_s
        return cls(
            report_s=2.0 if settings.mode == "development" else 5.0,
            kill_s=limit_s if kill_after_s is None else kill_after_s,
        )


def hangs(loading_s: float, usual_s: float) -> bool:
    """Whether a load seems never to end, so that newer code may take its place.

    One that merely takes its time is left to it: else saves that come faster than a slow machine loads would
    keep the code of before for ever.
    """
    return loading_s > 2 * usual_s


def judge(silent_s: float, patience: Patience, *, drained: bool) -> Literal["well", "stalled", "kill"]:
    """What to do about a node that has not been heard of for `silent_s` seconds.

    One that has drained says no more and is only to exit.
    """
    if drained:
        return "kill" if silent_s > _EXIT_S else "well"
    if silent_s > patience.kill_s:
        return "kill"
    return "stalled" if silent_s > patience.report_s else "well"


@dataclass(frozen=True, slots=True)
class Place:
    """A line of code."""

    path: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line} in {self.function}"


def place_of_stall(dump: str, *, project_dir: Path, thread: int | None = None) -> Place | None:
    """The innermost line of the project in a stack dump, else the innermost line of all.

    Looks at the thread that received a fatal signal, else at `thread` (the event loop's), and there at
    the newest dump. None when the dump holds no stack of it.
    """
    stacks: dict[int, list[Place]] = {}
    current: list[Place] = []
    wanted = thread
    for text in dump.splitlines():
        if head := _THREAD.match(text):
            identity = int(head[1], 16)
            current = stacks[identity] = []
            if text.startswith("Current"):
                wanted = identity
        elif frame := _FRAME.match(text):
            current.append(Place(frame[1], int(frame[2]), frame[3]))
    stack = stacks.get(wanted, []) if wanted is not None else next(iter(stacks.values()), [])
    root = f"{project_dir.resolve()}/"
    for place in stack:
        if place.path.startswith(root):
            inner = place.path.removeprefix(root)
            if not _NOT_THE_PROJECT.search(f"/{inner}"):
                return Place(inner, place.line, place.function)
    return stack[0] if stack else None
