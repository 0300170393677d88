"""What a project's `app.py` or `motia.config.py` gives besides steps, and what is wrong with it."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from motia.errors import DefinitionError

_STREAM_AUTH_NAMES = ("stream_auth", "streamAuth", "authenticate_stream", "authenticateStream")


def stream_auth_of(module: ModuleType, file: Path) -> tuple[str, Callable[..., Any]] | None:
    """The function that says who a stream's client is, and its name; None without one.

    Failure: `DefinitionError` where the name holds no function.
    """
    places: list[Any] = [vars(module), vars(module).get("config")]
    for place in places:
        for name in _STREAM_AUTH_NAMES:
            found = place.get(name) if isinstance(place, Mapping) else None
            if found is None:
                continue
            function = found.get("authenticate") if isinstance(found, Mapping) else found
            if not callable(function):
                raise DefinitionError(
                    f"{name}: expected a function, got {type(function).__name__}",
                    code="streams.bad_auth",
                    path=file.name,
                    hint=f"define `async def {name}(request)`",
                )
            return name, function
    return None


def app_file_problem(error: Exception, app_file: Path, stack: str) -> DefinitionError:
    """The error for what `lifespan` raised before its `yield`, at the last line of its own file."""
    lines = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(app_file)]
    return DefinitionError(
        f"lifespan: expected it to open what the project needs, got {type(error).__name__}: {error}\n{stack}",
        code="lifespan.failed",
        path=app_file.name,
        line=(lines[-1].lineno if lines else None) or 1,
    )
