"""Points in time on the command line."""

from __future__ import annotations

from datetime import datetime

import typer


def parse_when(text: str, now_ms: int) -> int:
    """Epoch milliseconds of an ISO text (local time where it names no zone), or of a duration from now."""
    return _parse(text, now_ms, 1)


def parse_past(text: str, now_ms: int) -> int:
    """As `parse_when`, but a duration is one before now."""
    return _parse(text, now_ms, -1)


def _parse(text: str, now_ms: int, direction: int) -> int:
    from motia.authoring.durations import seconds
    from motia.errors import InputError

    try:
        return now_ms + direction * round(seconds(text) * 1000)
    except InputError:
        pass
    try:
        return round(datetime.fromisoformat(text).astimezone().timestamp() * 1000)
    except ValueError as error:
        raise typer.BadParameter(
            f"expected a duration such as 5m or a time such as 2030-01-31T09:00, got {text!r}"
        ) from error
