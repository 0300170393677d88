from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from motia.backends.sqlite.tracing import SqliteTraceSink
from motia.backends.sqlite.tracing_reads import SqliteTraceStore
from motia.errors import BackendError
from motia.tracing.packing import Packer
from motia.tracing.record import SpanRecord
from motia.tracing.redaction import Redactor
from motia.tracing.store import LogQuery, TraceQuery, TraceSummary

PACKER = Packer(Redactor())
WRITER = """
import sys
from pathlib import Path
from motia.backends.sqlite.tracing import SqliteTraceSink
from motia.tracing.packing import Packer
from motia.tracing.record import LogRecord, SpanRecord
from motia.tracing.redaction import Redactor

node = int(sys.argv[2])
packer = Packer(Redactor())
sink = SqliteTraceSink(Path(sys.argv[1]), max_bytes=2**26)
sink.open()
print("ready", flush=True)
sys.stdin.readline()
for batch in range(60):
    spans = [
        packer.span(SpanRecord(f"{number:032x}", f"{node:016x}", "p" * 16, f"node-{node}", "queue", 1.0, 5))
        for number in range(batch * 10, batch * 10 + 10)
    ]
    sink.write(spans, [packer.log(LogRecord("", "", "a", 1.0, "info", f"{node}:{batch}"))])
sink.close()
"""


def span(number: int) -> SpanRecord:
    filling = {"filling": "x" * 300}
    return PACKER.span(
        SpanRecord(f"{number:032x}", "s" * 16, None, "a", "http", 1.0 + number, 5, attributes=filling)
    )


def listed(path: Path, query: TraceQuery) -> list[TraceSummary]:
    async def read() -> list[TraceSummary]:
        store = SqliteTraceStore(path)
        found = await store.traces(query)
        await store.aclose()
        await store.aclose()
        return found

    return asyncio.run(read())


def test_several_processes_write_the_same_traces(tmp_path: Path) -> None:
    path = tmp_path / "new" / "trace.db"
    nodes = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(node)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for node in range(3)
    ]
    for node in nodes:
        assert node.stdout is not None
        assert node.stdout.readline() == "ready\n", node.communicate()[1]
    for node in nodes:
        assert node.stdin is not None
        node.stdin.write("go\n")
        node.stdin.flush()
    for node in nodes:
        _, errors = node.communicate(timeout=120)
        assert (node.returncode, errors) == (0, "")
    found = listed(path, TraceQuery(limit=1000))
    assert len(found) == 600
    assert {summary.spans for summary in found} == {3}
    assert {tuple(sorted(summary.steps)) for summary in found} == {("node-0", "node-1", "node-2")}

    async def lines() -> list[str]:
        store = SqliteTraceStore(path)
        entries = await store.logs(LogQuery(limit=1000))
        await store.aclose()
        return [entry.record.message for entry in entries]

    assert sorted(asyncio.run(lines())) == sorted(
        f"{node}:{batch}" for node in range(3) for batch in range(60)
    )


def test_the_file_stays_within_its_budget(tmp_path: Path) -> None:
    path = tmp_path / "trace.db"
    max_bytes = 1024 * 1024
    sink = SqliteTraceSink(path, max_bytes=max_bytes)
    sink.open()
    for start in range(0, 10_000, 50):
        sink.write([span(number) for number in range(start, start + 50)], [])
    sink.close()
    # One batch of fifty is less than 64 KiB.
    assert path.stat().st_size <= max_bytes + 65_536
    found = listed(path, TraceQuery(limit=1))
    assert int(found[0].trace_id, 16) == 9_999


def test_a_smaller_budget_shrinks_the_file(tmp_path: Path) -> None:
    path = tmp_path / "trace.db"
    sink = SqliteTraceSink(path, max_bytes=2**26)
    sink.open()
    sink.write([span(number) for number in range(5000)], [])
    sink.close()
    before_bytes = path.stat().st_size
    assert before_bytes > 2**21
    sink = SqliteTraceSink(path, max_bytes=2**20)
    sink.open()
    sink.write([span(5001)], [])
    sink.close()
    assert path.stat().st_size <= 2**20 + 65_536
    assert listed(path, TraceQuery(limit=1))[0].trace_id == f"{5001:032x}"


def test_a_batch_that_fails_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "trace.db"
    sink = SqliteTraceSink(path, max_bytes=2**24)
    sink.open()
    odd = span(2)
    with pytest.raises(TypeError):
        sink.write([span(1), odd._replace(span_id=object())], [])  # type: ignore[arg-type]
    assert listed(path, TraceQuery()) == []
    sink.write([span(3)], [])
    sink.close()
    assert [int(found.trace_id, 16) for found in listed(path, TraceQuery())] == [3]


def test_a_closed_sink_says_so(tmp_path: Path) -> None:
    sink = SqliteTraceSink(tmp_path / "trace.db", max_bytes=2**24)
    with pytest.raises(BackendError) as caught:
        sink.write([span(1)], [])
    assert caught.value.code == "backend.closed"
    sink.close()


def test_a_file_that_was_never_made_holds_nothing(tmp_path: Path) -> None:
    assert listed(tmp_path / "none" / "trace.db", TraceQuery()) == []
    assert not (tmp_path / "none").exists()


def test_a_newer_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "trace.db"
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(BackendError) as caught:
        SqliteTraceSink(path, max_bytes=2**24).open()
    assert caught.value.code == "backend.too_new"


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "trace.db"
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(BackendError) as caught:
        SqliteTraceSink(path, max_bytes=2**24).open()
    assert caught.value.code == "backend.not_a_database"


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(BackendError) as caught:
        SqliteTraceSink(tmp_path / "file" / "trace.db", max_bytes=2**24).open()
    assert caught.value.code == "backend.unavailable"


def test_a_file_that_is_deleted_while_it_is_open_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "trace.db"
    sink = SqliteTraceSink(path, max_bytes=2**24)
    sink.open()
    sink.write([span(1)], [])

    async def read() -> list[list[TraceSummary]]:
        store = SqliteTraceStore(path)
        before = await store.traces(TraceQuery())
        for file in tmp_path.glob("trace.db*"):
            file.unlink()
        nothing = await store.traces(TraceQuery())
        sink.write([span(2)], [])
        after = await store.traces(TraceQuery())
        await store.aclose()
        return [before, nothing, after]

    found = asyncio.run(read())
    assert [[int(one.trace_id, 16) for one in traces] for traces in found] == [[1], [], [2]]
    sink.close()
    assert [int(one.trace_id, 16) for one in listed(path, TraceQuery())] == [2]
