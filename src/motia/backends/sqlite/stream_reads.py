"""The reads of streams: point reads on the loop, whole groups in a thread."""

from __future__ import annotations

import asyncio
from typing import Any

import apsw

from motia.backends.sqlite.reads import Reader
from motia.core.stream import LoggedChange, StreamItem, StreamSnapshot

_CHANGES = (
    "SELECT c.seq, g.stream, g.name, c.key, c.kind, c.version, c.timestamp, c.data"
    " FROM changes c JOIN stream_groups g ON g.id = c.scope"
)


class SqliteStreamStore:
    """`StreamStore` over SQLite."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def get(self, stream: str, group: str, id: str) -> asyncio.Future[StreamItem | None]:
        def read(connection: apsw.Connection) -> StreamItem | None:
            row = connection.execute(
                "SELECT i.id, i.data, i.version FROM stream_groups g JOIN stream_items i ON i.scope = g.id"
                " WHERE g.stream = ? AND g.name = ? AND i.id = ?",
                (stream, group, id),
            ).fetchone()
            return None if row is None else StreamItem(*row)

        return self._reader.now(read)

    def snapshot(self, stream: str, group: str, id: str | None = None) -> asyncio.Future[StreamSnapshot]:
        def read(connection: apsw.Connection) -> StreamSnapshot:
            with connection:  # both reads see one moment
                rows: list[Any] = connection.execute(
                    "SELECT g.version, g.timestamp, i.id, i.data, i.version FROM stream_groups g"
                    " LEFT JOIN stream_items i ON i.scope = g.id AND (?3 IS NULL OR i.id = ?3)"
                    " WHERE g.stream = ?1 AND g.name = ?2 ORDER BY i.seq",
                    (stream, group, id),
                ).fetchall()
                if not rows:
                    forgotten: Any = connection.execute("SELECT version, timestamp FROM changes_trimmed").get
                    return StreamSnapshot(forgotten[0], forgotten[1], [])
            version, timestamp_ms = rows[0][:2]
            return StreamSnapshot(
                version, timestamp_ms, [StreamItem(*row[2:]) for row in rows if row[2] is not None]
            )

        return self._reader.scan(read) if id is None else self._reader.now(read)

    def groups(
        self, stream: str, *, limit: int = 1000, after: str | None = None
    ) -> asyncio.Future[list[str]]:
        return self._reader.scan(
            lambda connection: [
                name
                for (name,) in connection.execute(
                    "SELECT name FROM stream_groups g WHERE stream = ?1 AND (?2 IS NULL OR name > ?2)"
                    " AND EXISTS (SELECT 1 FROM stream_items WHERE scope = g.id) ORDER BY name LIMIT ?3",
                    (stream, after, limit),
                )
            ]
        )

    def deletion(self, stream: str, group: str, id: str) -> asyncio.Future[LoggedChange | None]:
        def read(connection: apsw.Connection) -> LoggedChange | None:
            row = connection.execute(
                "SELECT seq, stream, name, key, kind, version, timestamp, data FROM ("
                "SELECT c.*, g.stream, g.name FROM changes c JOIN stream_groups g ON g.id = c.scope"
                " WHERE g.stream = ? AND g.name = ? AND c.version IS NOT NULL"
                " ORDER BY c.version DESC LIMIT 1000)"
                " WHERE key = ? AND kind = 'delete' ORDER BY version DESC LIMIT 1",
                (stream, group, id),
            ).fetchone()
            return None if row is None else LoggedChange(*row)

        return self._reader.scan(read)

    def last_seq(self) -> asyncio.Future[int]:
        return self._reader.now(
            lambda connection: int(
                connection.execute(
                    "SELECT coalesce((SELECT max(seq) FROM changes), (SELECT seq FROM changes_trimmed))"
                ).get
            )
        )

    def changes(self, after_seq: int, *, limit: int = 1000) -> asyncio.Future[list[LoggedChange] | None]:
        def read(connection: apsw.Connection) -> list[LoggedChange] | None:
            found = [
                LoggedChange(*row)
                for row in connection.execute(
                    f"{_CHANGES} WHERE c.seq > ? ORDER BY c.seq LIMIT ?", (after_seq, limit)
                )
            ]
            # Asked afterwards: whatever was trimmed before the lines were read is known by now.
            trimmed_seq = int(connection.execute("SELECT seq FROM changes_trimmed").get)
            return None if after_seq < trimmed_seq else found

        return self._reader.now(read)

    def missed(
        self, stream: str, group: str, after_version: int, *, limit: int = 1000
    ) -> asyncio.Future[list[LoggedChange] | None]:
        def read(connection: apsw.Connection) -> list[LoggedChange] | None:
            with connection:  # both reads see one moment
                version = connection.execute(
                    "SELECT version FROM stream_groups WHERE stream = ? AND name = ?", (stream, group)
                ).get
                if version is None or not 0 <= version - after_version <= limit:
                    return None
                found = [
                    LoggedChange(*row)
                    for row in connection.execute(
                        f"{_CHANGES} WHERE g.stream = ? AND g.name = ? AND c.version > ? ORDER BY c.version",
                        (stream, group, after_version),
                    )
                ]
            return found if len(found) == version - after_version else None

        return self._reader.scan(read)
