"""Writes and reads of one stream, for its checks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from motia.core.batch import StreamDelete, StreamPut, StreamSend
from motia.core.stream import LoggedChange
from motia.testing.conformance.harness import NOW_MS, Node


def item_put(id_: str, data: bytes = b"{}", group: str = "g", **fields: Any) -> StreamPut:
    given: dict[str, Any] = {"stream": "s", "now_ms": NOW_MS, **fields}
    return StreamPut(group=group, id=id_, data=data, **given)


def item_delete(id_: str, group: str = "g", now_ms: int = NOW_MS) -> StreamDelete:
    return StreamDelete(stream="s", group=group, id=id_, now_ms=now_ms)


def event_sent(id_: str | None, event: bytes = b"{}", **fields: Any) -> StreamSend:
    given: dict[str, Any] = {"stream": "s", "now_ms": NOW_MS, "group": "g", **fields}
    return StreamSend(id=id_, event=event, **given)


def told_by(changes: Sequence[LoggedChange] | None) -> list[tuple[str, str | None, bytes]]:
    assert changes is not None
    return [(change.kind, change.id, change.data) for change in changes]


async def changes_of(node: Node, after_seq: int = 0, limit: int = 1000) -> list[LoggedChange]:
    changes = await node.backend.streams.changes(after_seq, limit=limit)
    assert changes is not None
    return changes


async def versions_of(node: Node, group: str = "g") -> list[int]:
    changes = await changes_of(node)
    return [change.version for change in changes if change.group == group and change.version is not None]
