"""Bulks: how many messages an `enqueue_many` stored, and how many of them ended before their time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from motia.backends.sqlite.transaction import Transaction
from motia.core import batch as ops


def count_bulk(transaction: Transaction, operation: ops.CountBulk) -> int:
    total = int(transaction.execute("SELECT count(*) FROM deliveries WHERE bulk = ?", (operation.bulk,)).get)
    transaction.execute(
        "INSERT OR IGNORE INTO bulks (id, total, started_at, expires_at) VALUES (?,?,?,?)",
        (operation.bulk, total, operation.now_ms, operation.expires_at_ms),
    )
    return total


def ended_early(transaction: Transaction, bulks: Iterable[bytes | None]) -> None:
    """Messages of these bulks were cancelled, expired, purged or replaced: none of them will complete."""
    counts = Counter(bulk for bulk in bulks if bulk is not None)
    if counts:
        transaction.connection.executemany(
            "UPDATE bulks SET cancelled = cancelled + ? WHERE id = ?",
            [(count, bulk) for bulk, count in counts.items()],
        )


def forget_bulks(transaction: Transaction, operation: ops.Expire) -> int:
    transaction.execute(
        "DELETE FROM bulks WHERE id IN (SELECT b.id FROM bulks b WHERE b.expires_at <= ?"
        " AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.bulk = b.id) LIMIT ?)",
        (operation.now_ms, operation.limit),
    )
    return transaction.connection.changes()
