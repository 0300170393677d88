"""Streams: items of groups, their versions, and the log of their changes."""

from __future__ import annotations

from motia.backends.memory.queue import enqueue
from motia.backends.memory.store import StoredItem, StreamGroup
from motia.backends.memory.transaction import Transaction
from motia.core import batch as ops
from motia.core.stream import ChangeKind, LoggedChange
from motia.streams.changes import triggered, updated, version_conflict


def check_version(transaction: Transaction, guard: ops.StreamVersion) -> None:
    item = transaction.store.stream_items.get((guard.stream, guard.group), {}).get(guard.id)
    found = 0 if item is None else item.version
    if found != guard.version:
        raise version_conflict(guard, found)


def send(transaction: Transaction, operation: ops.StreamSend) -> None:
    timestamp_ms = _stamp(transaction, operation, changes=False).timestamp_ms
    _log(transaction, operation, "event", None, timestamp_ms, operation.event)


def write(
    transaction: Transaction, operation: ops.StreamPut | ops.StreamDelete | ops.StreamUpdate
) -> ops.StreamResult:
    """Put, delete or update one item."""
    place = (operation.stream, operation.group)
    item = transaction.store.stream_items.get(place, {}).get(operation.id)
    old = None if item is None else item.data
    if isinstance(operation, ops.StreamPut):
        new: bytes | None = operation.data
    else:
        new = None if isinstance(operation, ops.StreamDelete) else updated(operation, old)
    if old is None and new is None:
        return ops.StreamResult(None, None, 0)
    group = _stamp(transaction, operation, changes=True)
    kind: ChangeKind = "create" if old is None else "delete" if new is None else "update"
    if place not in transaction.store.stream_items:
        transaction.journal.put(transaction.store.stream_items, place, {})
    items = transaction.store.stream_items[place]
    if new is None:
        transaction.journal.remove(items, operation.id)
        if not items:
            transaction.journal.remove(transaction.store.stream_items, place)
    else:
        seq = item.seq if item is not None else transaction.store.next_number()
        transaction.journal.put(items, operation.id, StoredItem(seq, new, group.version))
    _log(transaction, operation, kind, group.version, group.timestamp_ms, new or old or b"")
    return ops.StreamResult(old, new, group.version)


def trim(transaction: Transaction, operation: ops.TrimChanges) -> int:
    store, changes = transaction.store, transaction.store.changes
    over = len(changes) - operation.keep
    gone = [
        line
        for position, line in enumerate(list(changes.values())[: operation.limit])
        if line.timestamp_ms < operation.before_ms or position < over
    ]
    if gone:
        store.trimmed_seq = gone[-1].seq
    for line in gone:
        transaction.journal.remove(changes, line.seq)
    kept = {(line.stream, line.group) for line in changes.values()}
    for place in {(line.stream, line.group) for line in gone} - kept:
        if place not in store.stream_items and place in store.stream_groups:
            group = transaction.journal.remove(store.stream_groups, place)
            store.forgotten = StreamGroup(
                max(store.forgotten.version, group.version),
                max(store.forgotten.timestamp_ms, group.timestamp_ms),
            )
    return len(gone)


def _stamp(transaction: Transaction, operation: ops.StreamWriteOperation, *, changes: bool) -> StreamGroup:
    """The next version and timestamp of a group; see `_NEXT_VERSION` of the SQLite backend."""
    place = (operation.stream, operation.group)
    before = transaction.store.stream_groups.get(place)
    if before is None:
        forgotten = transaction.store.forgotten
        after = StreamGroup(
            max(operation.now_ms, forgotten.version + 1), max(operation.now_ms, forgotten.timestamp_ms + 1)
        )
    else:
        timestamp_ms = max(operation.now_ms, before.timestamp_ms + 1)
        after = StreamGroup(before.version + int(changes), timestamp_ms)
    transaction.journal.put(transaction.store.stream_groups, place, after)
    return after


def _log(
    transaction: Transaction,
    operation: ops.StreamWriteOperation,
    kind: ChangeKind,
    version: int | None,
    timestamp_ms: int,
    data: bytes,
) -> None:
    seq = transaction.store.next_number()
    line = LoggedChange(
        seq, operation.stream, operation.group, operation.id, kind, version, timestamp_ms, data
    )
    transaction.journal.put(transaction.store.changes, seq, line)
    transaction.made_changes = True
    for message in triggered(operation, kind, version, timestamp_ms, data):
        enqueue(transaction, ops.Enqueue(message))
