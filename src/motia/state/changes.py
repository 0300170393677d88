"""What a change of state tells: for every backend that applies it in Python. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from motia import encoding
from motia.core.batch import ChangeKind, StateDelete, StatePut, StateResult, StateUpdate, StateVersion
from motia.core.message import NewMessage
from motia.errors import ConflictError


def triggered(operation: StatePut | StateDelete | StateUpdate, result: StateResult) -> Iterator[NewMessage]:
    """The messages of the state triggers: none if there was nothing and is nothing."""
    if not operation.deliveries or (result.old is None and result.new is None):
        return
    payload = change_payload(
        encoding.encode(operation.scope), encoding.encode(operation.key), result.old, result.new
    )
    for delivery in operation.deliveries:
        yield delivery.message(payload, operation.now_ms)


def version_conflict(guard: StateVersion, found: int) -> ConflictError:
    """The error of a guard that does not hold."""
    return ConflictError(
        f"state {guard.scope}/{guard.key}: expected version {guard.version}, got {found}",
        code="state.version_conflict",
        guard="state_version",
    )


def change_payload(scope: bytes, key: bytes, old: bytes | None, new: bytes | None) -> bytes:
    """The JSON that a state trigger receives. `scope` and `key` are JSON texts, as are the values.

    Made by joining texts, so that SQL and Lua can build the same bytes inside the commit.
    """
    kind = kind_of(old, new).encode()
    return b"".join(
        (
            b'{"type":"state","event_type":"',
            kind,
            b'","group_id":',
            scope,
            b',"item_id":',
            key,
            b',"old_value":',
            b"null" if old is None else old,
            b',"new_value":',
            b"null" if new is None else new,
            b"}",
        )
    )


def kind_of(old: bytes | None, new: bytes | None) -> ChangeKind:
    """What happened to a key that had one value, or none, and has another."""
    return "created" if old is None else "deleted" if new is None else "updated"
