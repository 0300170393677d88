"""The reads of queues, state and schedules: point reads on the loop, scans in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import apsw

from motia.backends.sqlite.connection import let_go, translated
from motia.state.store import KEPT_CHANGES, StateChange, StateEntry

T = TypeVar("T")


class Reader:
    """Two read connections: `point` belongs to the loop's thread, the other to a thread for scans."""

    def __init__(self, path: Path, open_connection: Callable[[], apsw.Connection]) -> None:
        self._path = path
        self.point = open_connection()
        self._loop = asyncio.get_running_loop()
        self._scans = ThreadPoolExecutor(1, thread_name_prefix="motia-reader")
        self._open_connection = open_connection
        self._scan_connection: apsw.Connection | None = None

    def now(self, read: Callable[[apsw.Connection], T]) -> asyncio.Future[T]:
        """Run a read of a few microseconds here; the future is already done."""
        future: asyncio.Future[T] = self._loop.create_future()
        try:
            future.set_result(read(self.point))
        except apsw.Error as error:
            failure = translated(error, self._path)
            failure.__cause__ = error
            future.set_exception(failure)
        return future

    def scan(self, read: Callable[[apsw.Connection], T]) -> asyncio.Future[T]:
        """Run a read that may be long in the thread for scans."""
        return asyncio.ensure_future(self._loop.run_in_executor(self._scans, self._with_scans, read))

    def _with_scans(self, read: Callable[[apsw.Connection], T]) -> T:
        if self._scan_connection is None:
            self._scan_connection = self._open_connection()
        try:
            return read(self._scan_connection)
        except apsw.Error as error:
            raise translated(error, self._path) from error

    async def close(self) -> None:
        if self._scan_connection is not None:
            await self._loop.run_in_executor(self._scans, let_go, self._scan_connection)
        self._scans.shutdown(wait=True)
        let_go(self.point)


class SqliteStateStore:
    """`StateStore` over SQLite."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def get(self, scope: str, key: str, now_ms: int) -> asyncio.Future[StateEntry | None]:
        def read(connection: apsw.Connection) -> StateEntry | None:
            row = connection.execute(
                "SELECT key, value, version, expires_at FROM state WHERE scope = ? AND key = ?", (scope, key)
            ).fetchone()
            if row is None or (row[3] is not None and row[3] <= now_ms):
                return None
            return StateEntry(*row)

        return self._reader.now(read)

    def entries(
        self, scope: str, now_ms: int, *, limit: int | None = None, after_key: str | None = None
    ) -> asyncio.Future[list[StateEntry]]:
        return self._reader.scan(
            lambda connection: [
                StateEntry(*row)
                for row in connection.execute(
                    "SELECT key, value, version, expires_at FROM state WHERE scope = ?"
                    " AND (expires_at IS NULL OR expires_at > ?) AND (?3 IS NULL OR key > ?3)"
                    " ORDER BY key LIMIT ?",
                    (scope, now_ms, after_key, -1 if limit is None else limit),
                )
            ]
        )

    def scopes(
        self, now_ms: int, *, limit: int = 1000, after: str | None = None
    ) -> asyncio.Future[list[str]]:
        return self._reader.scan(
            lambda connection: [
                scope
                for (scope,) in connection.execute(
                    "SELECT DISTINCT scope FROM state WHERE (expires_at IS NULL OR expires_at > ?)"
                    " AND (?2 IS NULL OR scope > ?2) ORDER BY scope LIMIT ?",
                    (now_ms, after, limit),
                )
            ]
        )

    def changes(self, after: int, *, limit: int = 1000) -> asyncio.Future[list[StateChange] | None]:
        def read(connection: apsw.Connection) -> list[StateChange] | None:
            with connection:  # both reads see one moment
                since, last = connection.execute("SELECT since, last FROM state_watch").get
                known = max(since, last - KEPT_CHANGES) <= after <= last
                rows: list[Any] = []
                if known and after < last:
                    rows = connection.execute(
                        "SELECT number, scope, key, change, version FROM state_changes WHERE number > ?"
                        " ORDER BY number LIMIT ?",
                        (after, limit),
                    ).fetchall()
            return [StateChange(*row) for row in rows] if known else None

        return self._reader.now(read)


class SqliteScheduleStore:
    """`ScheduleStore` over SQLite."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def marks(self) -> asyncio.Future[Mapping[str, int]]:
        return self._reader.now(
            lambda connection: dict(connection.execute("SELECT key, fired_at FROM schedules"))
        )
