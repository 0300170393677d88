"""What was changed in state, for who watches it: written with the change, and only while somebody does."""

from __future__ import annotations

from motia.backends.sqlite.transaction import Transaction
from motia.core import batch as ops
from motia.state.store import KEPT_CHANGES


def watch(transaction: Transaction, operation: ops.WatchState) -> int:
    until_ms, last = transaction.execute("SELECT until_at, last FROM state_watch").get
    if until_ms <= operation.now_ms:
        # What came since the last one looked is not known: a number that was never given says so.
        last += 1
        transaction.execute("DELETE FROM state_changes")
        transaction.execute("UPDATE state_watch SET since = ?1, last = ?1", (last,))
    transaction.execute("UPDATE state_watch SET until_at = max(until_at, ?)", (operation.until_ms,))
    transaction.forget_watch()
    return int(last)


def note(
    transaction: Transaction, scope: str, key: str | None, change: str, version: int, now_ms: int
) -> None:
    """Write down a change, if anybody watches."""
    if not transaction.state_is_watched(now_ms):
        return
    number = transaction.execute("UPDATE state_watch SET last = last + 1 RETURNING last").get
    transaction.execute(
        "INSERT INTO state_changes (number, scope, key, change, version) VALUES (?,?,?,?,?)",
        (number, scope, key, change, version),
    )
    transaction.execute("DELETE FROM state_changes WHERE number <= ?", (number - KEPT_CHANGES,))
