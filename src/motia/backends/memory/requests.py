"""Requests with an idempotency key: begun, recorded, forgotten."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from motia.backends.memory.store import BegunRequest
from motia.backends.memory.transaction import Transaction
from motia.core import batch as ops


def begin(transaction: Transaction, operation: ops.BeginRequest) -> Any:
    store, name = transaction.store, (operation.scope, operation.key)
    known = store.requests.get(name)
    if known is not None and known.expires_at_ms > operation.now_ms:
        lives = known.node in store.nodes
        if known.fingerprint != operation.fingerprint and (known.response is not None or lives):
            return "mismatch"
        if known.response is not None:
            return known.response
        if lives:
            return "in_flight"
    begun = BegunRequest(operation.fingerprint, operation.node, operation.expires_at_ms)
    transaction.journal.put(store.requests, name, begun)
    return None


def end(transaction: Transaction, operation: ops.EndRequest) -> None:
    requests, name = transaction.store.requests, (operation.scope, operation.key)
    begun = requests.get(name)
    if begun is None or begun.node != operation.node or begun.response is not None:
        return
    if operation.response is None:
        transaction.journal.remove(requests, name)
    else:
        transaction.journal.put(requests, name, replace(begun, response=operation.response))


def forget(transaction: Transaction, operation: ops.Expire) -> int:
    requests = transaction.store.requests
    over = [name for name, begun in requests.items() if begun.expires_at_ms <= operation.now_ms]
    for name in over[: operation.limit]:
        transaction.journal.remove(requests, name)
    return len(over[: operation.limit])
