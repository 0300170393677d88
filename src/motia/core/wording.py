"""Counts in sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

_MOST_NAMES = 10


def counted(count: int, one: str, many: str = "") -> str:
    """`1 step`, `2 steps`; `many` where it is not `one` with an s."""
    return f"{count} {one if count == 1 else many or f'{one}s'}"


def tally(names: Iterable[str]) -> str:
    """`a, b ×3`: names in the order in which they come first; of very many the first ones."""
    counts = Counter(names)
    told = [name if count == 1 else f"{name} ×{count}" for name, count in list(counts.items())[:_MOST_NAMES]]
    more = len(counts) - len(told)
    return ", ".join(told) + (f" and {more} more" if more else "")
