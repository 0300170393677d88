"""The reads of streams."""

from __future__ import annotations

import asyncio

from motia.backends.memory.reads import by_bytes, done
from motia.backends.memory.store import MemoryStore
from motia.core.stream import LoggedChange, StreamItem, StreamSnapshot

_NEWEST = 1000


class MemoryStreamStore:
    """`StreamStore` over dictionaries."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def get(self, stream: str, group: str, id: str) -> asyncio.Future[StreamItem | None]:
        item = self._store.stream_items.get((stream, group), {}).get(id)
        return done(None if item is None else StreamItem(id, item.data, item.version))

    def snapshot(self, stream: str, group: str, id: str | None = None) -> asyncio.Future[StreamSnapshot]:
        known = self._store.stream_groups.get((stream, group))
        if known is None:
            forgotten = self._store.forgotten
            return done(StreamSnapshot(forgotten.version, forgotten.timestamp_ms, []))
        items = sorted(
            (item.seq, StreamItem(name, item.data, item.version))
            for name, item in self._store.stream_items.get((stream, group), {}).items()
            if id is None or name == id
        )
        return done(StreamSnapshot(known.version, known.timestamp_ms, [item for _, item in items]))

    def groups(
        self, stream: str, *, limit: int = 1000, after: str | None = None
    ) -> asyncio.Future[list[str]]:
        found = [
            group
            for name, group in self._store.stream_items
            if name == stream and (after is None or by_bytes(group) > by_bytes(after))
        ]
        return done(sorted(found, key=by_bytes)[:limit])

    def deletion(self, stream: str, group: str, id: str) -> asyncio.Future[LoggedChange | None]:
        of_group = [
            line
            for line in self._store.changes.values()
            if (line.stream, line.group) == (stream, group) and line.version is not None
        ]
        newest = of_group[-_NEWEST:]
        found = [line for line in newest if line.id == id and line.kind == "delete"]
        return done(found[-1] if found else None)

    def last_seq(self) -> asyncio.Future[int]:
        return done(next(reversed(self._store.changes), self._store.trimmed_seq))

    def changes(self, after_seq: int, *, limit: int = 1000) -> asyncio.Future[list[LoggedChange] | None]:
        if after_seq < self._store.trimmed_seq:
            return done(None)
        found: list[LoggedChange] = []
        for line in reversed(self._store.changes.values()):
            if line.seq <= after_seq:
                break
            found.append(line)
        return done(found[::-1][:limit])

    def missed(
        self, stream: str, group: str, after_version: int, *, limit: int = 1000
    ) -> asyncio.Future[list[LoggedChange] | None]:
        known = self._store.stream_groups.get((stream, group))
        if known is None:
            return done(None)
        found = [
            line
            for line in self._store.changes.values()
            if (line.stream, line.group) == (stream, group)
            and line.version is not None
            and line.version > after_version
        ]
        whole = len(found) == known.version - after_version and len(found) <= limit
        return done(found if whole else None)
