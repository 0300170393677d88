from __future__ import annotations

from pathlib import Path

from motia.backends.memory.tracing import MemoryTraces
from motia.backends.sqlite.tracing import SqliteTraceSink
from motia.backends.sqlite.tracing_reads import SqliteTraceStore
from motia.testing.conformance.tracing import SLOW_MS, TracingConformance
from motia.tracing.store import RecordSink, TraceStore


class TestMemory(TracingConformance):
    def make(self, folder: Path, max_bytes: int) -> tuple[RecordSink, TraceStore]:
        traces = MemoryTraces(max_bytes=max_bytes, slow_ms=SLOW_MS)
        return traces, traces


class TestSqlite(TracingConformance):
    def make(self, folder: Path, max_bytes: int) -> tuple[RecordSink, TraceStore]:
        path = folder / "trace.db"
        return SqliteTraceSink(path, max_bytes=max_bytes, slow_ms=SLOW_MS), SqliteTraceStore(path)
