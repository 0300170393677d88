"""The floor of durable work: apsw, WAL, synchronous FULL, one writer thread with group commit, nothing else.

`bare_sqlite.py FOLDER queue|state|idle COUNT TASKS`: each task has one operation in flight. `queue` inserts a
row and, once that is durable, deletes it; `state` writes a row; `idle` writes one now and then. Prints the
seconds, the CPU, the transactions, and for `idle` the median time of a commit.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import threading
import time
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import apsw
import uvloop

_PAYLOAD = b'{"number":12345,"text":"' + b"x" * 100 + b'"}'
_INSERT = "INSERT INTO messages VALUES (?, ?)"
_DELETE = "DELETE FROM messages WHERE seq = ?"
_PUT = "INSERT INTO state VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"


class Writer:
    """Commits whatever waits as one transaction."""

    def __init__(self, path: Path, loop: asyncio.AbstractEventLoop) -> None:
        self._connection = connection = apsw.Connection(str(path))
        connection.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE messages (seq INTEGER PRIMARY KEY, payload BLOB)")
        connection.execute("CREATE TABLE state (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID")
        # The log comes round once, as that of ours has: until then each commit makes the file longer.
        connection.execute("INSERT INTO messages VALUES (-1, zeroblob(8000000)); DELETE FROM messages")
        self._loop = loop
        self._queue: SimpleQueue[Any] = SimpleQueue()
        self.commits = 0
        threading.Thread(target=self._run, daemon=True).start()

    def commit(self, statement: str, row: tuple[Any, ...]) -> asyncio.Future[None]:
        future: asyncio.Future[None] = self._loop.create_future()
        self._queue.put((statement, row, future))
        return future

    def _run(self) -> None:
        while True:
            group = [self._queue.get()]
            while not self._queue.empty():
                group.append(self._queue.get_nowait())
            self._connection.execute("BEGIN IMMEDIATE")
            for statement, row, _ in group:
                self._connection.execute(statement, row)
            self._connection.execute("COMMIT")
            self.commits += 1
            self._loop.call_soon_threadsafe(self._tell, group)

    @staticmethod
    def _tell(group: list[Any]) -> None:
        for _, _, future in group:
            future.set_result(None)


async def run(folder: Path, kind: str, count: int, tasks: int) -> dict[str, float]:
    writer = Writer(folder / "bare.db", asyncio.get_running_loop())
    left = iter(range(count))
    latencies_ms: list[float] = [0.0]

    async def one_task() -> None:
        for number in left:
            if kind == "idle":
                began_s = time.perf_counter()
                await writer.commit(_INSERT, (number, _PAYLOAD))
                latencies_ms.append((time.perf_counter() - began_s) * 1e3)
                await asyncio.sleep(0.005)
            elif kind == "queue":
                await writer.commit(_INSERT, (number, _PAYLOAD))
                await writer.commit(_DELETE, (number,))
            else:
                await writer.commit(_PUT, (f"key-{number % 1000}", b"%d" % number + _PAYLOAD))

    cpu_before_s, started_s = time.process_time(), time.perf_counter()
    await asyncio.gather(*(one_task() for _ in range(tasks)))
    return {
        "elapsed_s": time.perf_counter() - started_s,
        "cpu_s": time.process_time() - cpu_before_s,
        "commits": writer.commits,
        "p50_ms": statistics.median(latencies_ms),
    }


if __name__ == "__main__":
    print(json.dumps(uvloop.run(run(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))))
