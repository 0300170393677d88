"""The author's own lines of an error."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from pathlib import Path

_FRAMEWORK = str(Path(__file__).parent.parent)
_HEADER = "Traceback (most recent call last):\n"


def own_stack(error: BaseException, project_dir: str) -> str:
    """The frames of the author's code, and of the libraries it called; what called it is left out.

    Of an error that came by none of the project's files: all frames. What it was raised from, and what a
    group holds, is told as Python does it.
    """
    told = traceback.TracebackException.from_exception(error)
    frames = list(told.stack)
    told.stack = traceback.StackSummary.from_list(_own(frames, project_dir) or frames)
    for other in _others(told):
        _shorten(other, project_dir)
    return "".join(line for line in told.format() if line != _HEADER).replace(project_dir + "/", "").rstrip()


def _shorten(told: traceback.TracebackException, project_dir: str) -> None:
    """Of what is not the error itself, where no file of the project had a part in it: its end."""
    own = _own(told.stack, project_dir)
    if own and not own[0].filename.startswith(project_dir):
        own = own[-1:]
    told.stack = traceback.StackSummary.from_list(own)


def _own(frames: list[traceback.FrameSummary], project_dir: str) -> list[traceback.FrameSummary]:
    own = [frame for frame in frames if _is_outside(frame)]
    first = next((n for n, frame in enumerate(own) if frame.filename.startswith(project_dir)), 0)
    return own[first:]


def _others(told: traceback.TracebackException) -> Iterator[traceback.TracebackException]:
    """What it was raised from, and what it holds, without what happened within the framework alone."""
    waiting = [told]
    while waiting:
        one = waiting.pop()
        one.__cause__ = _outside(one.__cause__)
        one.__context__ = _outside(one.__context__)
        found = [other for other in (one.__cause__, one.__context__, *(one.exceptions or ())) if other]
        yield from found
        waiting += found


def _outside(told: traceback.TracebackException | None) -> traceback.TracebackException | None:
    if told is None or not told.stack:
        return told
    return told if any(map(_is_outside, told.stack)) else None


def _is_outside(frame: traceback.FrameSummary) -> bool:
    """Whether it is not of the framework, nor of a C file, as compiled libraries add: those have no lines."""
    return not frame.filename.startswith(_FRAMEWORK) and not frame.filename.endswith(".c")


def came_by(error: BaseException, project_dir: str) -> bool:
    """Whether a file of the project had a part in the error."""
    frames = traceback.extract_tb(error.__traceback__)
    return any(frame.filename.startswith(project_dir) for frame in frames)
