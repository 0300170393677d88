"""What an operation on a stream leaves and tells: for every backend that applies it in Python. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from motia import encoding
from motia.core.batch import StreamUpdate, StreamVersion, StreamWriteOperation
from motia.core.message import NewMessage
from motia.core.stream import ChangeKind, change_frame, with_id
from motia.core.update import apply_update
from motia.errors import ConflictError


def updated(operation: StreamUpdate, old: bytes | None) -> bytes | None:
    """The item after an update; None where the update takes it away."""
    before = {"id": operation.id} if old is None else encoding.decode(old)
    value = apply_update(before, operation.operations)
    if value is None:
        return None
    value = with_id(value, operation.id)
    return encoding.encode(value if operation.check is None else operation.check(value))


def triggered(
    operation: StreamWriteOperation, kind: ChangeKind, version: int | None, timestamp_ms: int, data: bytes
) -> Iterator[NewMessage]:
    """The messages of the stream triggers: their payload is the frame that subscribers get."""
    if not operation.deliveries:
        return
    payload = change_frame(
        encoding.encode(operation.stream),
        encoding.encode(operation.group),
        None if operation.id is None else encoding.encode(operation.id),
        kind,
        version,
        timestamp_ms,
        data,
    )
    for delivery in operation.deliveries:
        yield delivery.message(payload, operation.now_ms)


def version_conflict(guard: StreamVersion, found: int) -> ConflictError:
    """The error of a guard that does not hold."""
    return ConflictError(
        f"stream {guard.stream}/{guard.group}/{guard.id}: expected version {guard.version}, got {found}",
        code="streams.version_conflict",
        guard="stream_version",
    )
