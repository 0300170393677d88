"""A trace that never ends must fill neither memory nor the file."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from motia.backends.sqlite.tracing import SqliteTraceSink
from motia.backends.sqlite.tracing_reads import SqliteTraceStore
from motia.tracing.packing import Packer
from motia.tracing.record import SpanRecord
from motia.tracing.redaction import Redactor
from motia.tracing.store import MAX_SPANS_PER_TRACE

_SPANS = 150_000
_BATCH = 1_000
_GROWTH_BYTES = 64 * 1024 * 1024


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.proof
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
def test_a_trace_of_150_000_spans_stays_bounded(tmp_path: Path) -> None:
    path = tmp_path / "trace.db"
    sink = SqliteTraceSink(path, max_bytes=2**28)
    sink.open()
    packer = Packer(Redactor())
    before = 0
    for start in range(0, _SPANS, _BATCH):
        records = [
            SpanRecord(
                "a" * 32, f"{n:016x}", None if not n else f"{n - 1:016x}", "loop", "queue", 1e12 + n, 9
            )
            for n in range(start, start + _BATCH)
        ]
        sink.write([packer.span(record) for record in records], [])
        before = before or resident_bytes()
    assert resident_bytes() - before < _GROWTH_BYTES
    sink.close()
    trace = asyncio.run(SqliteTraceStore(path).trace("a" * 32))
    assert trace is not None
    assert len(trace.spans) <= MAX_SPANS_PER_TRACE + _BATCH
    assert trace.summary.spans == _SPANS
    assert trace.left_out == _SPANS - len(trace.spans)
    assert path.stat().st_size < 8 * 1024 * 1024
