"""Items of streams, and the log of their changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from motia.core.operations.state import ChangeDelivery
from motia.core.update import UpdateOperation


@dataclass(frozen=True, slots=True)
class StreamVersion:
    """Guard: the item was last changed by this version of its group; 0 = it does not exist."""

    stream: str
    group: str
    id: str
    version: int


@dataclass(slots=True, kw_only=True)
class StreamPut:
    """Set an item to `data` (JSON text, an object with its `id`). Result: `StreamResult`."""

    stream: str
    group: str
    id: str
    data: bytes
    now_ms: int
    deliveries: Sequence[ChangeDelivery] = ()


@dataclass(slots=True, kw_only=True)
class StreamDelete:
    """Remove an item. Result: `StreamResult`; a missing item changes nothing and tells nobody."""

    stream: str
    group: str
    id: str
    now_ms: int
    deliveries: Sequence[ChangeDelivery] = ()


@dataclass(slots=True, kw_only=True)
class StreamUpdate:
    """Apply `operations` to an item atomically. Result: `StreamResult`.

    An item that does not exist begins as an object with its id alone. `check` gives what is stored of what
    comes out, or raises what fails the batch. An operation that does not fit: `state.bad_update`.
    """

    stream: str
    group: str
    id: str
    operations: Sequence[UpdateOperation]
    now_ms: int
    check: Callable[[Any], Any] | None = None
    deliveries: Sequence[ChangeDelivery] = ()


@dataclass(slots=True, kw_only=True)
class StreamSend:
    """Tell the subscribers of a group, or of one item, of an event. Result: None.

    `event` is JSON text `{"type", "data"}`. It changes no item and no version; nobody gets it later.
    """

    stream: str
    group: str
    id: str | None
    event: bytes
    now_ms: int
    deliveries: Sequence[ChangeDelivery] = ()


@dataclass(slots=True)
class StreamResult:
    """What a stream operation found and left; None = no such item. JSON texts."""

    old: bytes | None
    new: bytes | None
    version: int
    """Of the group after the operation: one more, if it changed something."""


@dataclass(slots=True)
class TrimChanges:
    """Delete lines of the change log, the oldest first: those before `before_ms`, and all but the newest
    `keep`. A group that holds nothing is forgotten with its last line. Result: number of lines deleted."""

    before_ms: int
    keep: int
    limit: int = 1000


StreamWriteOperation = StreamPut | StreamDelete | StreamUpdate | StreamSend
