"""The author's own lines of an error."""

from __future__ import annotations

import traceback
from pathlib import Path

_FRAMEWORK = str(Path(__file__).parent.parent)


def own_stack(error: BaseException, project_dir: str) -> str:
    """The frames of the author's code, and of the libraries it called; what called it is left out.

    Of an error that came by none of the project's files: all frames.
    """
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not frame.filename.startswith(_FRAMEWORK)]
    first = next((n for n, frame in enumerate(own) if frame.filename.startswith(project_dir)), 0)
    shown = own[first:] or list(frames)
    lines = traceback.format_list(shown) + traceback.format_exception_only(error)
    return "".join(lines).replace(project_dir + "/", "").rstrip()


def came_by(error: BaseException, project_dir: str) -> bool:
    """Whether a file of the project had a part in the error."""
    frames = traceback.extract_tb(error.__traceback__)
    return any(frame.filename.startswith(project_dir) for frame in frames)
