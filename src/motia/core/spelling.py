"""What a name that is not known was probably meant to be."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name closest to `name`; None where none is close. `-` and `_` are the same here."""
    by_spelling = {item.replace("-", "_").lower(): item for item in known if item}
    matches = difflib.get_close_matches(name.replace("-", "_").lower(), by_spelling, n=1, cutoff=0.6)
    return by_spelling[matches[0]] if matches else None


def did_you_mean(name: str, known: Iterable[str], otherwise: str = "") -> str:
    """A hint that names the nearest known name, or `otherwise`."""
    close = nearest(name, known)
    return f"did you mean {close!r}?" if close else otherwise
