"""Reading traces back: a page of the list over 100,000 traces by each filter, and one large trace.

The baseline is a page by primary key from the same file, so that the ratio says what a filter costs.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from motia.backends.sqlite.tracing import SqliteTraceSink
from motia.backends.sqlite.tracing_reads import SqliteTraceStore
from motia.tracing.packing import Packer
from motia.tracing.record import LogRecord, SpanRecord
from motia.tracing.redaction import Redactor
from motia.tracing.store import LogQuery, TraceQuery

NOW_MS = 1_764_000_000_000.0
_BATCH = 500
_ROUNDS = 7
_LARGE = "f" * 32


def fill(path: Path, traces: int) -> None:
    """Traces of one to three spans over an hour, one in a hundred failed, and one of 5,000 spans."""
    sink = SqliteTraceSink(path, max_bytes=2**31)
    sink.open()
    packer = Packer(Redactor())
    for start in range(0, traces, _BATCH):
        spans: list[SpanRecord] = []
        logs: list[LogRecord] = []
        for number in range(start, min(start + _BATCH, traces)):
            trace_id, at_ms = f"{number + 1:032x}", NOW_MS + number * 36
            failed = number % 100 == 7
            error = {"code": "handler.raised", "type": "ValueError", "message": f"no {number}"}
            spans.append(
                SpanRecord(trace_id, f"{number * 4:016x}", None, f"step-{number % 20}", "http", at_ms, 900)
            )
            for child in range(1, 1 + number % 3):
                spans.append(
                    SpanRecord(
                        trace_id,
                        f"{number * 4 + child:016x}",
                        f"{number * 4:016x}",
                        f"job-{child}",
                        "queue",
                        at_ms + child,
                        2_000,
                        500,
                        status="error" if failed else "ok",
                        error=error if failed else None,
                    )
                )
            logs.append(
                LogRecord(trace_id, "", f"step-{number % 20}", at_ms, "info", f"order {number} taken")
            )
        sink.write([packer.span(span) for span in spans], [packer.log(line) for line in logs])
    large = [
        SpanRecord(
            _LARGE, f"{2**40 + n:016x}", None if not n else f"{2**40:016x}", "fan", "queue", NOW_MS + n, 5
        )
        for n in range(5_000)
    ]
    sink.write([packer.span(span) for span in large], [])
    sink.close()


async def one_by_one(store: SqliteTraceStore, query: TraceQuery) -> None:
    for summary in await store.traces(query):
        await store.trace(summary.trace_id)


async def main(traces: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.db"
        began_s = time.perf_counter()
        fill(path, traces)
        print(f"{traces} traces in {time.perf_counter() - began_s:.1f} s, {path.stat().st_size >> 20} MiB")
        store = SqliteTraceStore(path)
        since_ms = NOW_MS + traces * 36 * 0.99
        reads: dict[str, Callable[[], Awaitable[Any]]] = {
            "newest": lambda: store.traces(TraceQuery()),
            "next page": lambda: store.traces(TraceQuery(before=traces // 2)),
            "failed": lambda: store.traces(TraceQuery(status="failed")),
            "errors: 500 failed traces": lambda: store.failures(TraceQuery(status="failed", limit=500)),
            "errors, trace by trace": lambda: one_by_one(store, TraceQuery(status="failed", limit=500)),
            "one step": lambda: store.traces(TraceQuery(step="step-7")),
            "a step that never ran": lambda: store.traces(TraceQuery(step="nothing")),
            "a flow": lambda: store.traces(TraceQuery(any_step=("job-1", "job-2"))),
            "kind": lambda: store.traces(TraceQuery(kind="cron")),
            "since": lambda: store.traces(TraceQuery(since_ms=since_ms)),
            "longer": lambda: store.traces(TraceQuery(min_us=10**9)),
            "text": lambda: store.traces(TraceQuery(text="no 4207")),
            "text that is nowhere": lambda: store.traces(TraceQuery(text="nowhere")),
            "5,000 spans": lambda: store.trace(_LARGE),
            "lines, newest": lambda: store.logs(LogQuery()),
            "lines, text that is nowhere": lambda: store.logs(LogQuery(text="nowhere")),
        }
        base_ms = 0.0
        for name, read in reads.items():
            took_ms = []
            for _ in range(_ROUNDS):
                began_s = time.perf_counter()
                await read()
                took_ms.append((time.perf_counter() - began_s) * 1000)
            median_ms = statistics.median(took_ms)
            base_ms = base_ms or median_ms
            print(f"{name:30} {median_ms:8.1f} ms  {median_ms / base_ms:6.1f} x")
        await store.aclose()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
