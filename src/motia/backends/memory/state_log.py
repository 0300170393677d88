"""What was changed in state, for who watches it: written with the change, and only while somebody does."""

from __future__ import annotations

from motia.backends.memory.transaction import Transaction
from motia.core import batch as ops
from motia.core.state import StateChange
from motia.state.store import KEPT_CHANGES


def watch(transaction: Transaction, operation: ops.WatchState) -> int:
    store, journal = transaction.store, transaction.journal
    held = store.state_watch
    if held["until_ms"] <= operation.now_ms:
        # What came since the last one looked is not known: a number that was never given says so.
        for number in list(store.state_changes):
            journal.remove(store.state_changes, number)
        journal.put(held, "last", held["last"] + 1)
        journal.put(held, "since", held["last"])
    journal.put(held, "until_ms", max(held["until_ms"], operation.until_ms))
    return held["last"]


def note(
    transaction: Transaction, scope: str, key: str | None, change: str, version: int, now_ms: int
) -> None:
    """Write down a change, if anybody watches."""
    store, journal = transaction.store, transaction.journal
    if now_ms >= store.state_watch["until_ms"]:
        return
    number = store.state_watch["last"] + 1
    journal.put(store.state_watch, "last", number)
    journal.put(store.state_changes, number, StateChange(number, scope, key, change, version))
    if number - KEPT_CHANGES in store.state_changes:
        journal.remove(store.state_changes, number - KEPT_CHANGES)
