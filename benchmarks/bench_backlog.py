"""What waits: claims before a million queued messages, and what limits of a queue cost its claims.

`bench_backlog.py --messages 10_000_000` measures claims before that many, in a folder of the temporary
directory: it takes some 4 GB and some minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import report
from measure import Effort, Row, median

from motia.backends.sqlite.backend import SqliteBackend
from motia.backends.sqlite.connection import connect
from motia.core.batch import Batch, ClaimReady, Completed, Enqueue, RegisterNode, Settle, WantedQueue
from motia.core.flow import Flow, Limits, RateWindow
from motia.core.message import NewMessage, QueueName, TraceContext

_FEW, _MANY = 1_000, 1_000_000
_CLAIMED = 500
_CLAIMS = 90
_PER_BATCH = 2_000
_PER_FILL = 200_000
_FILL = """
    INSERT INTO deliveries (seq, id, queue, state, enqueued_at, trace, payload)
    WITH RECURSIVE numbers (n) AS (SELECT ?1 + 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?2)
    SELECT n, CAST(printf('%016d', n) AS BLOB), queue, 0, 0, trace, payload
    FROM numbers, (SELECT queue, trace, payload FROM deliveries WHERE seq = 1)
"""
"""Copies of the first message with ids in order, as those of real messages are."""
_NODE = b"n" * 16
_QUEUE = QueueName("orders", "bill")
_TRACE = TraceContext("a" * 32, "b" * 16)


def run(effort: Effort) -> list[Row]:
    many = effort.count(_MANY, least=_FEW)
    claim = _claim_row(many)
    plain, keyed, rated = [], [], []
    for _ in range(effort.rounds):
        # In turns: what disturbs the machine disturbs all of them.
        plain.append(asyncio.run(_cycle_us()))
        keyed.append(asyncio.run(_cycle_us(key=True)))
        rated.append(asyncio.run(_cycle_us(rate=True)))
    return [
        claim,
        Row("claim, settle: a limit per key", median(keyed), "µs a message", median(plain), "no limit"),
        Row("claim, settle: a rate limit", median(rated), "µs a message", median(plain), "no limit"),
    ]


def _claim_row(many: int) -> Row:
    few_us, many_us = asyncio.run(_claims_us((_FEW, many)))
    claim = f"claim before {many:,} messages"
    return Row(
        claim, many_us, "µs a message", few_us, f"of {_FEW:,}", "at most", 2.0 if many <= _MANY else 3.0
    )


def _messages(
    count: int, flow: Callable[[int], Flow | None], due_at_ms: int | None = None
) -> Iterator[list[Enqueue]]:
    for first in range(0, count, _PER_BATCH):
        yield [
            Enqueue(
                NewMessage(
                    id=os.urandom(16),
                    queue=_QUEUE,
                    payload=b'{"order":"42","items":["tea"]}',
                    trace=_TRACE,
                    enqueued_at_ms=0,
                    due_at_ms=due_at_ms,
                    flow=flow(number),
                )
            )
            for number in range(first, min(count, first + _PER_BATCH))
        ]


async def _opened(folder: str) -> SqliteBackend:
    backend = SqliteBackend(Path(folder) / "motia.db", _NODE)
    await backend.open()
    await backend.commit(Batch([RegisterNode(_NODE, os.getpid(), 0)]))
    return backend


def _fill(folder: str, count: int) -> None:
    """As many messages as asked, where one is; past the store, which takes ten times as long."""
    connection = connect(Path(folder) / "motia.db", write=True)
    for first in range(1, count, _PER_FILL):
        with connection:
            connection.execute(_FILL, (first, min(count, first + _PER_FILL)))
            connection.execute("UPDATE counter SET value = ?", (count,))
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


async def _claims_us(counts: Sequence[int]) -> list[float]:
    """What one claimed message costs with so many in the queue; each claim is given up to the next.

    In turns: what disturbs the disk disturbs all of them.
    """
    with ExitStack() as folders:
        backends = []
        try:
            for count in counts:
                folder = folders.enter_context(tempfile.TemporaryDirectory())
                backend = await _opened(folder)
                backends.append(backend)
                (first,) = _messages(1, lambda number: None)
                await backend.commit(Batch(first))
                await asyncio.to_thread(_fill, folder, count)
            claim = ClaimReady(node=_NODE, wanted=[WantedQueue(_QUEUE, 10)], max_bytes=10**9)
            took: list[list[float]] = [[] for _ in counts]
            for _ in range(_CLAIMS):
                for backend, times in zip(backends, took, strict=True):
                    began_s = time.perf_counter()
                    (claims,) = await backend.commit(Batch([claim]))
                    times.append((time.perf_counter() - began_s) / len(claims) * 1e6)
            return [median(times) for times in took]
        finally:
            for backend in backends:
                await backend.close()


async def _cycle_us(*, key: bool = False, rate: bool = False) -> float:
    """What it costs to claim and to settle a message."""
    window = RateWindow(limit=10**9, period_ms=60_000, keyed=False) if rate else None
    wanted = WantedQueue(_QUEUE, _CLAIMED, Limits(key_concurrency=1000 if key else None, rate=window))
    count = 20 * _CLAIMED
    with tempfile.TemporaryDirectory() as folder:
        backend = await _opened(folder)
        try:
            for batch in _messages(count, lambda n: Flow(concurrency_key=f"k{n % 100}") if key else None):
                await backend.commit(Batch(batch))
            began_s = time.perf_counter()
            settled = 0
            while settled < count:
                claim = ClaimReady(node=_NODE, wanted=[wanted], max_bytes=10**9, now_ms=1)
                (claims,) = await backend.commit(Batch([claim]))
                await backend.commit(Batch([Settle(one, Completed()) for one in claims]))
                settled += len(claims)
            return (time.perf_counter() - began_s) / count * 1e6
        finally:
            await backend.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--messages", type=int, default=_MANY)
    print(report.line(_claim_row(parser.parse_args().messages)))
