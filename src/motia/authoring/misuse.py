"""Errors of authors that are seen while their file is being loaded."""

from __future__ import annotations

import sys

from motia.errors import DefinitionError


def misuse(message: str, *, hint: str | None = None, code: str = "step.bad_definition") -> DefinitionError:
    """The error for a wrong call of ours, at the line of the author's file that made it."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("motia."):
        frame = frame.f_back
    return DefinitionError(message, code=code, path=frame.f_code.co_filename, line=frame.f_lineno, hint=hint)
