"""Dictionaries whose changes can be taken back: what a failed batch did to them is undone."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Journal:
    """Remembers, for the batch being applied, how to undo each change. Values are replaced, never edited."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], Any]] = []

    def put(self, table: dict[K, V], key: K, value: V) -> None:
        if key in table:
            self._undo.append(partial(table.__setitem__, key, table[key]))
        else:
            self._undo.append(partial(table.__delitem__, key))
        table[key] = value

    def remove(self, table: dict[K, V], key: K) -> V:
        """The value that was. It comes back at the end of the table: readers sort where order counts."""
        value = table.pop(key)
        self._undo.append(partial(table.__setitem__, key, value))
        return value

    def keep(self) -> None:
        """The batch holds: its changes stay."""
        self._undo.clear()

    def take_back(self) -> None:
        """The batch failed: everything is as it was before it."""
        while self._undo:
            self._undo.pop()()
