"""Requests with an idempotency key: begun, recorded, forgotten."""

from __future__ import annotations

from typing import Any

from motia.backends.sqlite.transaction import Transaction
from motia.core import batch as ops


def begin(transaction: Transaction, operation: ops.BeginRequest) -> Any:
    row = transaction.execute(
        "SELECT fingerprint, status, headers, body, node IN (SELECT id FROM nodes) FROM requests"
        " WHERE scope = ? AND key = ? AND expires_at > ?",
        (operation.scope, operation.key, operation.now_ms),
    ).fetchone()
    if row is not None:
        fingerprint, status, headers, body, lives = row
        if fingerprint != operation.fingerprint and (status is not None or lives):
            return "mismatch"
        if status is not None:
            return ops.RecordedResponse(status, headers, body)
        if lives:
            return "in_flight"
    transaction.execute(
        "INSERT OR REPLACE INTO requests (scope, key, fingerprint, node, expires_at) VALUES (?,?,?,?,?)",
        (operation.scope, operation.key, operation.fingerprint, operation.node, operation.expires_at_ms),
    )
    return None


def end(transaction: Transaction, operation: ops.EndRequest) -> None:
    begun = (operation.scope, operation.key, operation.node)
    response = operation.response
    if response is None:
        transaction.execute(
            "DELETE FROM requests WHERE scope = ? AND key = ? AND node = ? AND status IS NULL", begun
        )
        return
    transaction.execute(
        "UPDATE requests SET status = ?, headers = ?, body = ?"
        " WHERE scope = ? AND key = ? AND node = ? AND status IS NULL",
        (response.status, response.headers, response.body, *begun),
    )


def forget(transaction: Transaction, operation: ops.Expire) -> int:
    transaction.execute(
        "DELETE FROM requests WHERE (scope, key) IN"
        " (SELECT scope, key FROM requests WHERE expires_at <= ? LIMIT ?)",
        (operation.now_ms, operation.limit),
    )
    return transaction.connection.changes()
