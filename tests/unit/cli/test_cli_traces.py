"""`traces` and `logs` over a store that holds real records."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from motia.backends.memory.tracing import MemoryTraces
from motia.backends.sqlite.tracing import SqliteTraceSink
from motia.cli.logs import follow_logs
from motia.cli.traces import duration_text
from motia.core.clock import Timer
from motia.tracing.packing import Packer
from motia.tracing.record import Identifiers, LogRecord, SpanRecord
from motia.tracing.redaction import Redactor
from motia.tracing.store import LogQuery, RecordSink

ONE, TWO = "1" * 32, "2" * 32


def write(traces: RecordSink, *records: SpanRecord | LogRecord) -> None:
    packer = Packer(Redactor())
    traces.write(
        [packer.span(record) for record in records if isinstance(record, SpanRecord)],
        [packer.log(record) for record in records if isinstance(record, LogRecord)],
    )


@pytest.fixture
def kept(project: Path) -> Iterator[SqliteTraceSink]:
    (project / ".motia").mkdir()
    traces = SqliteTraceSink(project / ".motia" / "trace.db", max_bytes=2**24)
    traces.open()
    write(
        traces,
        SpanRecord(ONE, "a" * 16, None, "create_order", "http", 1_000.0, 1_500),
        SpanRecord(ONE, "b" * 16, "a" * 16, "bill", "queue", 1_001.0, 2_000, 500, 2, "ok"),
        SpanRecord(
            TWO,
            "c" * 16,
            "f" * 16,
            "report",
            "cron",
            2_000.0,
            3_000_000,
            status="error",
            error={"message": "no"},
        ),
        LogRecord(ONE, "a" * 16, "create_order", 1_000.5, "info", "received\nforged", b'{"id":1}'),
        LogRecord(TWO, "c" * 16, "report", 2_000.5, "error", "gone"),
    )
    yield traces
    traces.close()


@pytest.mark.usefixtures("kept")
def test_traces_are_listed_newest_first_and_filtered(motia: Callable[..., Any]) -> None:
    found = motia("traces", "--json").json
    assert [(item["trace_id"], item["status"], item["spans"]) for item in found] == [
        (TWO, "error", 1),
        (ONE, "ok", 2),
    ]
    assert [item["trace_id"] for item in motia("traces", "--step", "bill", "--json").json] == [ONE]
    assert [item["trace_id"] for item in motia("traces", "--status", "failed", "--json").json] == [TWO]
    cut = motia("traces", "--limit", "1", "--json")
    assert len(cut.json) == 1
    assert cut.err == "note: only 1 shown: --limit 10 shows more\n"
    assert motia("traces").err == ""
    rows = motia("traces").out.splitlines()
    assert rows[1].startswith(TWO)
    assert "3.00 s" in rows[1]
    assert motia("traces", "--status", "bad").code == 2


@pytest.mark.usefixtures("kept")
def test_one_trace_is_a_tree_with_its_logs(motia: Callable[..., Any]) -> None:
    lines = motia("traces", ONE).out.splitlines()
    assert lines[0].startswith(f"trace {ONE}  ok")
    assert lines[1] == "  create_order (http)  ok  1.5 ms"
    assert lines[2] == "    bill (queue)  ok  2.0 ms  waited 500 µs  attempt 2"
    assert lines[3].endswith(f"[info] create_order received\\nforged id=1 trace_id={ONE}")
    assert len(lines) == 4
    document = motia("traces", ONE, "--json").json
    assert [span["name"] for span in document["spans"]] == ["create_order", "bill"]
    assert document["logs"][0]["data"] == {"id": 1}
    # A span whose parent is not there stands at the top.
    assert motia("traces", TWO).out.splitlines()[1] == "  report (cron)  error  3.00 s  no"


def test_a_request_to_a_model_shows_its_tokens_and_its_cost(
    motia: Callable[..., Any], kept: SqliteTraceSink
) -> None:
    used = {"gen_ai.usage.input_tokens": 51, "gen_ai.usage.output_tokens": 12, "operation.cost": 7.5e-05}
    asked = SpanRecord(ONE, "d" * 16, "b" * 16, "chat m", "model", 1_002.0, 900, attributes=Identifiers(used))
    write(kept, asked)
    assert "chat m (model)  ok  900 µs  51 + 12 tokens  $0.000075" in motia("traces", ONE).out


@pytest.mark.usefixtures("kept")
def test_an_unknown_trace(motia: Callable[..., Any]) -> None:
    ran = motia("traces", "3" * 32)
    assert (ran.code, ran.out) == (1, "")
    assert "no trace" in ran.err


def test_a_chain_longer_than_the_stack(motia: Callable[..., Any], kept: SqliteTraceSink) -> None:
    write(
        kept,
        *(
            SpanRecord(
                "4" * 32, f"{n:016x}", f"{n - 1:016x}" if n else None, "again", "queue", 5_000.0 + n, 10
            )
            for n in range(2_000)
        ),
    )
    assert len(motia("traces", "4" * 32).out.splitlines()) == 2_001


@pytest.mark.usefixtures("kept")
def test_logs_are_printed_oldest_first_and_filtered(motia: Callable[..., Any]) -> None:
    assert [item["message"] for item in motia("logs", "--json").json] == ["received\nforged", "gone"]
    assert [item["step"] for item in motia("logs", "--level", "error", "--json").json] == ["report"]
    assert [item["step"] for item in motia("logs", "--trace", ONE, "--json").json] == ["create_order"]
    assert [item["step"] for item in motia("logs", "--limit", "1", "--json").json] == ["report"]
    lines = motia("logs", "--step", "report").out.splitlines()
    assert len(lines) == 1
    assert lines[0].endswith(f"[error] report gone trace_id={TWO}")


def test_following_prints_only_what_is_new(capsys: pytest.CaptureFixture[str]) -> None:
    kept = MemoryTraces()
    write(kept, LogRecord(ONE, "a" * 16, "create_order", 1_000.0, "info", "before"))

    class Script:
        """A clock whose pauses write the next line, and then stop the command."""

        pauses_s: list[float]

        def __init__(self) -> None:
            self.pauses_s = []

        async def sleep(self, delay_s: float) -> None:
            self.pauses_s.append(delay_s)
            if len(self.pauses_s) == 3:
                raise asyncio.CancelledError
            message = f"line {len(self.pauses_s)}"
            write(kept, LogRecord(ONE, "a" * 16, "create_order", 3_000.0, "info", message))

        def now_ms(self) -> int:
            return 0

        def monotonic_s(self) -> float:
            return 0.0

        def call_later(self, delay_s: float, callback: Callable[[], None]) -> Timer:
            raise NotImplementedError

    async def follow() -> None:
        found = await kept.logs(LogQuery())
        with pytest.raises(asyncio.CancelledError):
            await follow_logs(kept, LogQuery(), found[-1].position, True, Script())

    asyncio.run(follow())
    printed = [json.loads(line)["message"] for line in capsys.readouterr().out.splitlines()]
    assert printed == ["line 1", "line 2"]


@pytest.mark.parametrize(
    ("duration_us", "text"),
    [(999, "999 µs"), (1_000, "1.0 ms"), (999_900, "999.9 ms"), (61_000_000, "61.00 s")],
)
def test_durations(duration_us: int, text: str) -> None:
    assert duration_text(duration_us) == text


@pytest.mark.usefixtures("project")
def test_a_project_that_never_ran_has_no_traces(motia: Callable[..., Any]) -> None:
    assert motia("traces", "--json").json == []
    assert motia("logs", "--json").json == []


@pytest.mark.usefixtures("kept")
def test_both_filter_by_text_time_kind_and_length(motia: Callable[..., Any]) -> None:
    def names(*options: str) -> list[str]:
        return [found["name"] for found in motia("traces", "--json", *options).json]

    assert names("--kind", "cron") == ["report"]
    assert names("--longer", "1s") == ["report"]
    assert names("--text", "BILL") == ["create_order"]
    assert names("--since", "1h") == []
    assert names("--since", "36500d") == ["report", "create_order"]
    assert [found["message"] for found in motia("logs", "--json", "--text", "GONE").json] == ["gone"]
    assert motia("logs", "--json", "--since", "1h").json == []
    assert motia("traces", "--since", "soon").code == 2
    assert motia("logs", "--flow", "nothing").code == 2
