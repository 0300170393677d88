"""What every trace store must do. Subclass `TracingConformance`, say how one is made, run it with pytest.

One class, so that a store is held to all of it by one line; each check stands by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest

from motia.tracing.activity import FAILED, OK, OK_SUM, OUTCOMES, RETRIED, WAIT, middle_of
from motia.tracing.lone import by_step
from motia.tracing.packing import Packer
from motia.tracing.record import Level, LogRecord, SpanRecord, SpanStatus
from motia.tracing.redaction import Redactor
from motia.tracing.store import (
    MAX_SPANS_PER_TRACE,
    DepthSample,
    LogQuery,
    RecordSink,
    TraceQuery,
    TraceStore,
)

T = TypeVar("T")
NOW_MS = 1_764_000_000_000.0
SLOW_MS = 1000.0
"""Stores under test must take a span of this length for slow."""


def trace_id(number: int) -> str:
    return f"{number:032x}"


def span(trace: int, number: int = 1, **fields: Any) -> SpanRecord:
    """A span; number 1 is the entry of its trace, the others are its children."""
    values: dict[str, Any] = {
        "trace_id": trace_id(trace),
        "span_id": f"{trace:08x}{number:08x}",
        "parent_id": None if number == 1 else f"{trace:08x}{1:08x}",
        "name": f"step-{number}",
        "kind": "http" if number == 1 else "queue",
        "started_at_ms": NOW_MS + trace + number / 8,
        "duration_us": 500,
    }
    return SpanRecord(**{**values, **fields})


def failed(trace: int, number: int = 1, status: SpanStatus = "error", **fields: Any) -> SpanRecord:
    return span(trace, number, **{"status": status, "error": {"message": f"boom {trace}"}, **fields})


def attempt(trace: int, number: int, status: SpanStatus, verdict: str, *, message: int = 1) -> SpanRecord:
    """An execution of a message: of the step "pay", whose messages are told apart by their number."""
    fields = {"attributes": {"topic": "pay", "message_id": f"{message:032x}", "verdict": verdict}}
    made = span if status in ("ok", "cancelled") else failed
    return made(trace, number, status=status, name="pay", attempt=number, **fields)


def line(trace: int | None, message: str, level: Level = "info", **fields: Any) -> LogRecord:
    """A line of a trace, or of none."""
    record = LogRecord(
        "" if trace is None else trace_id(trace), "", "step-1", NOW_MS + (trace or 0), level, message
    )
    return record._replace(**fields)


class TracingConformance:
    """The suite. `make` gives an unopened sink and a store that reads what the sink keeps."""

    def make(self, folder: Path, max_bytes: int) -> tuple[RecordSink, TraceStore]:
        raise NotImplementedError("say how a sink and its store are made")

    @pytest.fixture(autouse=True)
    def _open(self, tmp_path: Path) -> Any:
        self._folder = tmp_path
        self._packer = Packer(Redactor())
        self._sinks: list[RecordSink] = []
        self._sink, self._store = self._opened(64 * 1024 * 1024)
        yield
        for sink in self._sinks:
            sink.close()

    def _opened(self, max_bytes: int) -> tuple[RecordSink, TraceStore]:
        sink, store = self.make(self._folder / f"budget-{max_bytes}", max_bytes)
        sink.open()
        self._sinks.append(sink)
        return sink, store

    def _write(
        self,
        *records: SpanRecord | LogRecord,
        lone: Iterable[SpanRecord] = (),
        to: RecordSink | None = None,
    ) -> None:
        spans = [self._packer.span(record) for record in records if isinstance(record, SpanRecord)]
        logs = [self._packer.log(record) for record in records if isinstance(record, LogRecord)]
        fields: list[Any] = []
        for one in lone:
            fields += (one.trace_id, one.span_id, one.name, one.kind, one.started_at_ms, one.duration_us)
        (to or self._sink).write(spans, logs, by_step(fields))

    def _read(self, read: Callable[[TraceStore], Awaitable[T]], store: TraceStore | None = None) -> T:
        chosen = store or self._store

        async def run() -> T:
            try:
                return await read(chosen)
            finally:
                await chosen.aclose()

        return asyncio.run(run())

    def _names(self, query: TraceQuery, store: TraceStore | None = None) -> list[int]:
        """Numbers of the traces found, in order."""
        return [int(found.trace_id, 16) for found in self._read(lambda it: it.traces(query), store)]

    def _messages(self, query: LogQuery, store: TraceStore | None = None) -> list[str]:
        return [found.record.message for found in self._read(lambda it: it.logs(query), store)]

    def test_an_empty_store_holds_nothing(self) -> None:
        assert self._names(TraceQuery()) == []
        assert self._read(lambda store: store.trace(trace_id(1))) is None
        assert self._messages(LogQuery()) == []

    def test_a_span_and_a_line_come_back_as_they_were(self) -> None:
        written = span(
            1,
            queue_wait_us=7,
            attempt=3,
            status="error",
            error={"code": "handler.raised", "message": "boom", "stack": "a\nb"},
            attributes={"route": "/users/:id", "status": 500, "tags": ["x", None, 1.5]},
        )
        logged = line(1, "hello ✓", "warning", span_id=written.span_id, data=b'{"n":1,"text":"\xc3\xa9"}')
        self._write(written, logged)
        trace = self._read(lambda store: store.trace(trace_id(1)))
        assert trace is not None
        assert list(trace.spans) == [written]
        assert list(trace.logs) == [logged]
        assert trace.left_out == 0
        summary = trace.summary
        assert (summary.name, summary.kind, summary.status) == ("step-1", "http", "error")
        assert (summary.spans, summary.failures, summary.error) == (1, 1, "boom")
        assert summary.started_at_ms == written.started_at_ms
        assert summary.ended_at_ms == written.started_at_ms + 0.5

    def test_a_trace_grows_over_batches_and_is_named_after_its_entry(self) -> None:
        self._write(line(1, "first"))
        early = self._read(lambda store: store.trace(trace_id(1)))
        assert early is not None
        assert (early.summary.status, early.summary.name, early.summary.spans) == ("running", "", 0)
        self._write(failed(1, 3), span(1, 2))
        self._write(span(1, 1), span(1, 4, name="step-2", status="cancelled"))
        self._write(failed(1, 5, "timeout", error={"message": "too long"}))
        trace = self._read(lambda store: store.trace(trace_id(1)))
        assert trace is not None
        assert [item.span_id[-1] for item in trace.spans] == ["1", "2", "3", "4", "5"]
        summary = trace.summary
        assert (summary.name, summary.kind, summary.status) == ("step-1", "http", "error")
        assert (summary.spans, summary.failures, summary.error) == (5, 2, "boom 1")
        assert set(summary.steps) == {"step-1", "step-2", "step-3", "step-5"}
        assert len(summary.steps) == 4
        assert summary.position == early.summary.position

    def test_the_newest_trace_comes_first_in_pages(self) -> None:
        self._write(*(span(number) for number in range(1, 8)))
        assert self._names(TraceQuery()) == [7, 6, 5, 4, 3, 2, 1]
        page = self._read(lambda store: store.traces(TraceQuery(limit=3)))
        assert [int(found.trace_id, 16) for found in page] == [7, 6, 5]
        assert self._names(TraceQuery(limit=3, before=page[-1].position)) == [4, 3, 2]

    def test_traces_are_filtered_by_status(self) -> None:
        statuses: Sequence[SpanStatus] = ("ok", "cancelled", "timeout", "error", "crashed", "refused")
        for number, status in enumerate(statuses, 1):
            self._write(span(number, status=status))
        self._write(line(7, "still running"))
        for number, status in enumerate(statuses, 1):
            assert self._names(TraceQuery(status=status)) == [number]
        assert self._names(TraceQuery(status="failed")) == [5, 4, 3]
        assert self._names(TraceQuery(status="running")) == [7]

    def test_a_trace_is_judged_by_how_its_work_ended(self) -> None:
        self._write(span(1), attempt(1, 2, "error", "retried"))
        self._write(attempt(1, 3, "timeout", "retried"), attempt(1, 4, "ok", "completed"))
        self._write(span(2), attempt(2, 2, "error", "retried"), attempt(2, 3, "crashed", "dead"))
        self._write(span(3), attempt(3, 2, "error", "dead"), attempt(3, 3, "error", "dead", message=2))
        self._write(span(4), failed(4, 2, kind="manual"))
        self._write(attempt(5, 2, "error", "retried"))
        self._write(span(6), attempt(6, 2, "ok", "completed"))
        self._write(attempt(7, 2, "cancelled", "released"))
        self._write(attempt(8, 2, "cancelled", "released"), attempt(8, 3, "ok", "completed"))
        found = {int(one.trace_id, 16): one for one in self._read(lambda it: it.traces(TraceQuery()))}
        assert {number: (one.status, one.failures, one.retried) for number, one in found.items()} == {
            1: ("ok", 2, True),
            2: ("crashed", 2, False),
            3: ("error", 2, False),
            4: ("ok", 1, True),
            5: ("running", 1, False),
            6: ("ok", 0, False),
            7: ("running", 0, False),
            8: ("ok", 0, False),
        }
        assert self._names(TraceQuery(status="failed")) == [3, 2]
        assert self._names(TraceQuery(status="retried")) == [4, 1]
        assert self._names(TraceQuery(status="ok")) == [8, 6, 4, 1]
        # Both letters of the third were sent back and done; a crash of another trace stays one.
        self._write(attempt(3, 4, "error", "retried"), attempt(3, 5, "ok", "completed"))
        assert self._names(TraceQuery(status="failed")) == [3, 2]
        self._write(attempt(3, 6, "ok", "completed", message=2))
        assert self._names(TraceQuery(status="failed")) == [2]
        assert self._names(TraceQuery(status="retried")) == [4, 3, 1]
        self._write(attempt(3, 7, "error", "dead"), line(3, "again"))
        assert self._names(TraceQuery(status="failed")) == [3, 2]
        assert len(self._read(lambda store: store.failures(TraceQuery()))) == 10
        # The letter was sent back with other data, as a message of its own.
        edited = attempt(3, 8, "ok", "completed", message=3)
        self._write(edited._replace(attributes={**(edited.attributes or {}), "replaces": f"{1:032x}"}))
        assert self._names(TraceQuery(status="failed")) == [2]

    def test_steps_are_listed_in_the_order_they_began(self) -> None:
        starter = span(1, 1, duration_us=9_000)
        done = span(1, 2, name="ends first", parent_id=starter.span_id)
        self._write(done._replace(started_at_ms=starter.started_at_ms + 3), starter)
        [summary] = self._read(lambda store: store.traces(TraceQuery()))
        assert summary.steps == (starter.name, "ends first")

    def test_a_later_attempt_waits_from_the_end_of_the_one_before(self) -> None:
        first = attempt(1, 2, "error", "retried")._replace(attempt=1, queue_wait_us=50)
        at_ms = first.started_at_ms + 100
        second = attempt(1, 3, "ok", "completed")._replace(started_at_ms=at_ms, queue_wait_us=100_050)
        self._write(second, first, span(1))
        trace = self._read(lambda store: store.trace(trace_id(1)))
        assert trace is not None
        assert [one.queue_wait_us for one in trace.spans] == [0, 50, 99_500]
        waits = [row for row in self._read(lambda store: store.metrics(0)) if row.what == WAIT]
        assert [(row.step, row.n) for row in waits] == [("pay", 1)]
        assert middle_of(waits[0].bin) == pytest.approx(50, rel=0.07)

    def test_attempts_that_were_tried_again_are_counted_apart(self) -> None:
        self._write(attempt(1, 2, "error", "retried"), attempt(1, 3, "ok", "completed"))
        self._write(attempt(2, 2, "error", "dead"))
        rows = [row for row in self._read(lambda store: store.metrics(0)) if row.step == "pay"]
        assert {row.what: row.n for row in rows if row.what in OUTCOMES} == {OK: 1, FAILED: 1, RETRIED: 1}
        assert [run[:3] for run in self._read(lambda store: store.runs(NOW_MS))] == [("pay", 3, 1)]

    def test_a_trace_that_was_retried_is_kept_as_long_as_a_slow_one(self) -> None:
        sink, store = self._opened(1024 * 1024)
        self._write(span(1), attempt(1, 2, "error", "dead"), to=sink)
        self._write(attempt(1, 3, "ok", "completed"), to=sink)
        self._write(span(2), attempt(2, 2, "error", "retried"), attempt(2, 3, "ok", "completed"), to=sink)
        for number in range(3, 4003):
            self._write(span(number, attributes={"filling": "x" * 400}), to=sink)
        kept = self._names(TraceQuery(limit=5000), store)
        assert kept[-2:] == [2, 1]
        assert 200 < len(kept) < 4000

    def test_failed_spans_are_found_in_one_read_the_newest_trace_first(self) -> None:
        assert self._read(lambda store: store.failures(TraceQuery(status="failed"))) == []
        self._write(failed(1), span(2, status="ok"), span(3), failed(3, 2, "crashed"), span(3, 3))
        self._write(failed(4, 2, "timeout"), span(4, status="cancelled"), failed(4, 3))
        found = self._read(lambda store: store.failures(TraceQuery(status="failed")))
        assert [(int(one.trace_id, 16), one.status) for one in found if one.trace_id != trace_id(4)] == [
            (3, "crashed"),
            (1, "error"),
        ]
        assert {one.status for one in found[:2]} == {"timeout", "error"}
        assert found[-1].error == {"message": "boom 1"}
        (newest,) = {one.trace_id for one in self._read(lambda it: it.failures(TraceQuery(limit=1)))}
        assert newest == trace_id(4)
        assert len(self._read(lambda it: it.failures(TraceQuery(step="step-2")))) == 3

    def test_traces_are_filtered_by_step_text_and_time(self) -> None:
        self._write(span(1, name="Create User"), span(1, 2, name="send-mail"))
        self._write(failed(2, name="send", error={"message": "No route to HOST"}))
        self._write(span(3, name="send-mail-again"))
        assert self._names(TraceQuery(step="send-mail")) == [1]
        assert self._names(TraceQuery(step="send")) == [2]
        assert self._names(TraceQuery(text="create USER")) == [1]
        assert self._names(TraceQuery(text="send")) == [3, 2, 1]
        assert self._names(TraceQuery(text="to host")) == [2]
        assert self._names(TraceQuery(text=trace_id(3)[-6:])) == [3]
        assert self._names(TraceQuery(text="%")) == []
        assert self._names(TraceQuery(since_ms=NOW_MS + 2)) == [3, 2]
        assert self._names(TraceQuery(text="send", step="send", status="failed")) == [2]

    def test_lone_traces_are_traces_as_any_other(self) -> None:
        start = self._read(lambda store: store.feed(None)).position
        self._write(lone=[span(number, duration_us=number * 10) for number in range(1, 501)])
        self._write(failed(501), span(512), lone=[span(number, name="other") for number in range(502, 512)])
        everything = self._names(TraceQuery(limit=1000))
        assert sorted(everything, reverse=True) == sorted(range(1, 513), reverse=True)
        assert everything[12:] == list(range(500, 0, -1))
        assert self._names(TraceQuery(step="step-1", status="ok", limit=3)) == [512, 500, 499]
        assert self._names(TraceQuery(status="failed")) == [501]
        assert sorted(self._names(TraceQuery(any_step=("other",)))) == list(range(502, 512))
        assert sorted(self._names(TraceQuery(text="OTHE"))) == list(range(502, 512))
        assert self._names(TraceQuery(text=trace_id(77))) == [77]
        assert self._names(TraceQuery(trace_ids=(trace_id(77), trace_id(505), trace_id(512)))) == [
            512,
            505,
            77,
        ]
        assert self._names(TraceQuery(min_us=4975, step="step-1")) == [500, 499, 498]
        assert self._names(TraceQuery(max_us=25)) == [2, 1]
        assert self._names(TraceQuery(kind="queue")) == []
        assert self._names(TraceQuery(since_ms=NOW_MS + 3, until_ms=NOW_MS + 6)) == [5, 4, 3]
        pages: list[int] = []
        before: int | None = None
        while page := self._read(lambda store, at=before: store.traces(TraceQuery(limit=150, before=at))):  # type: ignore[misc]
            pages += [int(found.trace_id, 16) for found in page]
            before = page[-1].position
        assert pages == everything
        trace = self._read(lambda store: store.trace(trace_id(321)))
        assert trace is not None
        assert list(trace.spans) == [span(321, duration_us=3210)]
        assert (trace.summary.name, trace.summary.status, trace.summary.spans) == ("step-1", "ok", 1)
        feed = self._read(lambda store: store.feed(start))
        touched = [position for note in feed.notes for position in note.traces]
        assert len(self._read(lambda store: store.traces_at(touched))) == 512
        assert feed.notes[0].steps == {"step-1": (500, 0)}
        rows = self._read(lambda store: store.metrics(0, step="step-1"))
        assert sum(row.n for row in rows if row.what == OK) == 501
        assert sum(row.n for row in rows if row.what == OK_SUM) == 500 * 501 * 10 // 2 + 500

    def test_what_comes_late_to_a_lone_trace_is_shown_with_it(self) -> None:
        self._write(lone=[span(number, name=f"step-{number % 2}") for number in range(1, 21)])
        self._write(span(7, 2), line(7, "late"))
        trace = self._read(lambda store: store.trace(trace_id(7)))
        assert trace is not None
        assert [found.span_id for found in trace.spans] == [span(7).span_id, span(7, 2).span_id]
        assert [found.message for found in trace.logs] == ["late"]

    def test_over_its_budget_the_oldest_lone_traces_go_first(self) -> None:
        sink, store = self._opened(256 * 1024)
        total = 20_000
        self._write(failed(total + 1), to=sink)
        for start in range(1, total, 500):
            self._write(lone=[span(number) for number in range(start, start + 500)], to=sink)
        kept = self._names(TraceQuery(limit=2 * total), store)
        assert kept[-1] == total + 1
        assert 200 < len(kept) < total
        assert kept[:-1] == list(range(total, total - len(kept) + 1, -1))

    def test_lines_are_filtered(self) -> None:
        self._write(line(1, "one", "debug"), line(1, "two", "warning", data=b'{"order":"ABC-7"}'))
        self._write(line(2, "three", "error", step="other"), line(None, "four", "info", at_ms=NOW_MS + 50))
        assert self._messages(LogQuery()) == ["one", "two", "three", "four"]
        assert self._messages(LogQuery(limit=2)) == ["three", "four"]
        assert self._messages(LogQuery(level="warning")) == ["two", "three"]
        assert self._messages(LogQuery(step="other")) == ["three"]
        assert self._messages(LogQuery(trace_id=trace_id(1))) == ["one", "two"]
        assert self._messages(LogQuery(trace_id="")) == ["four"]
        assert self._messages(LogQuery(trace_id=trace_id(9))) == []
        assert self._messages(LogQuery(text="abc-7")) == ["two"]
        assert self._messages(LogQuery(text="THREE")) == ["three"]
        assert self._messages(LogQuery(since_ms=NOW_MS + 2)) == ["three", "four"]

    def test_a_tail_is_followed_by_position(self) -> None:
        self._write(*(line(None, f"line {number}") for number in range(5)))
        entries = self._read(lambda store: store.logs(LogQuery(after=0, limit=3)))
        assert [entry.record.message for entry in entries] == ["line 0", "line 1", "line 2"]
        assert self._messages(LogQuery(after=entries[-1].position)) == ["line 3", "line 4"]
        self._write(line(None, "line 5"))
        latest = self._read(lambda store: store.logs(LogQuery(limit=1)))[0]
        assert latest.record.message == "line 5"
        assert self._messages(LogQuery(after=latest.position)) == []

    def test_a_trace_keeps_a_bounded_number_of_spans_and_says_so(self) -> None:
        for start in range(1, MAX_SPANS_PER_TRACE + 1, 1000):
            self._write(*(span(1, number, name="loop") for number in range(start, start + 1000)))
        self._write(*(span(1, number) for number in range(MAX_SPANS_PER_TRACE + 1, MAX_SPANS_PER_TRACE + 21)))
        trace = self._read(lambda store: store.trace(trace_id(1)))
        assert trace is not None
        assert len(trace.spans) == MAX_SPANS_PER_TRACE
        assert trace.summary.spans == MAX_SPANS_PER_TRACE + 20
        assert trace.left_out == 20

    def test_over_its_budget_ordinary_traces_go_first_and_the_oldest_of_them(self) -> None:
        sink, store = self._opened(1024 * 1024)
        total = 4000
        for start in range(1, total, 100):
            for number in range(start, start + 100):
                if number == 5:
                    record = failed(number)
                elif number == 7:
                    record = span(number, duration_us=int(SLOW_MS * 1000))
                else:
                    record = span(number, attributes={"filling": "x" * 400})
                self._write(record, line(number, "a line"), to=sink)
        kept = self._names(TraceQuery(limit=total), store)
        ordinary = [number for number in kept if number not in (5, 7)]
        assert {5, 7} < set(kept)
        assert 200 < len(ordinary) < 3000
        assert ordinary == list(range(total, total - len(ordinary), -1))
        # What is gone is gone with its lines; what is kept has them.
        assert self._messages(LogQuery(trace_id=trace_id(8)), store) == []
        assert self._messages(LogQuery(trace_id=trace_id(5)), store) == ["a line"]
        assert self._messages(LogQuery(trace_id=trace_id(total)), store) == ["a line"]

    def test_failures_do_not_push_out_everything_else(self) -> None:
        sink, store = self._opened(1024 * 1024)
        for number in range(1, 3001):
            record = span(number) if number % 10 == 0 else failed(number)
            self._write(record._replace(attributes={"filling": "x" * 400}), to=sink)
        kept = set(self._names(TraceQuery(limit=5000), store))
        assert 3000 in kept
        assert len([number for number in kept if number % 10 == 0]) > 50
        assert 1 not in kept

    def test_lines_outside_of_traces_are_bounded_and_positions_are_never_used_twice(self) -> None:
        sink, store = self._opened(512 * 1024)
        self._write(span(1), to=sink)
        for start in range(0, 20_000, 500):
            self._write(*(line(None, f"line {start + n}", at_ms=NOW_MS + start) for n in range(500)), to=sink)
        entries = self._read(lambda it: it.logs(LogQuery(limit=50_000)), store)
        assert 100 < len(entries) < 15_000
        assert entries[-1].record.message == "line 19999"
        positions = [entry.position for entry in entries]
        assert positions == sorted(set(positions))
        assert positions[-1] == 20_000
        # A trace is not the price of a flood of lines.
        assert self._names(TraceQuery(), store) == [1]

    def test_the_feed_tells_what_each_batch_touched(self) -> None:
        start = self._read(lambda store: store.feed(None)).position
        self._write(span(1), span(2, name="lone"))
        self._write(span(1, 2), failed(3))
        feed = self._read(lambda store: store.feed(start))
        assert not feed.lost
        touched = self._read(lambda store: store.traces_at(feed.notes[0].traces))
        assert sorted(int(found.trace_id, 16) for found in touched) == [1, 2]
        again = self._read(lambda store: store.traces_at(feed.notes[1].traces))
        assert sorted((int(found.trace_id, 16), found.spans) for found in again) == [(1, 2), (3, 1)]
        assert feed.notes[0].steps == {"step-1": (1, 0), "lone": (1, 0)}
        assert feed.notes[1].steps == {"step-2": (1, 0), "step-1": (1, 1)}
        assert list(feed.notes[1].edges) == [("step-1", "", "step-2", 1, 0)]
        assert not self._read(lambda store: store.feed(feed.position)).notes
        one = self._read(lambda store: store.feed(start, limit=1))
        rest = self._read(lambda store: store.feed(one.position))
        assert (len(one.notes), len(rest.notes)) == (1, 1)

    def test_the_feed_says_when_it_forgot(self) -> None:
        self._write(span(1))
        assert self._read(lambda store: store.feed(10_000)).lost

    def test_durations_and_waits_are_counted_by_step_and_time(self) -> None:
        self._write(
            span(1, duration_us=1000),
            span(2, duration_us=3000),
            span(3, status="timeout", duration_us=10),
            span(4, 2, name="packs", queue_wait_us=50),
        )
        rows = self._read(lambda store: store.metrics(0, step="step-1"))
        runs = [row for row in rows if row.what in (OK, FAILED)]
        assert sorted((row.what, middle_of(row.bin), row.n) for row in runs) == [
            (OK, pytest.approx(1000, rel=0.07), 1),
            (OK, pytest.approx(3000, rel=0.07), 1),
            (FAILED, 10, 1),
        ]
        assert {row.at_s % 10 for row in rows} == {0}
        assert [row.n for row in rows if row.what == OK_SUM] == [4000]
        waits = [row for row in self._read(lambda store: store.metrics(0)) if row.what == WAIT]
        assert [(row.step, row.n) for row in waits] == [("packs", 1)]
        assert self._read(lambda store: store.metrics(int(NOW_MS / 1000) + 60)) == []
        assert {row.at_s for row in self._read(lambda store: store.totals())} <= {0, rows[0].at_s}

    def test_ways_are_found_also_when_the_child_ends_first(self) -> None:
        self._write(failed(1, 2, attributes={"topic": "orders"}))
        self._write(span(1))
        (edge,) = self._read(lambda store: store.edges(NOW_MS))
        assert edge[:5] == ("step-1", "orders", "step-2", 1, 1)
        assert {run[:3] for run in self._read(lambda store: store.runs(NOW_MS))} == {
            ("step-1", 1, 0),
            ("step-2", 1, 1),
        }
        assert self._read(lambda store: store.runs(NOW_MS + 2 * 3_600_000)) == []

    def test_samples_of_queues_are_kept(self) -> None:
        self._write(span(1))
        now_s = int(NOW_MS / 1000)
        samples = [DepthSample(now_s, "a", "b", 5, 700), DepthSample(now_s + 10, "a", "b", 6, 0)]
        self._read(lambda store: store.add_depths(samples))
        assert self._read(lambda store: store.depths(now_s)) == samples
        assert self._read(lambda store: store.depths(now_s + 1)) == samples[1:]
        again = [DepthSample(now_s, "a", "b", 0, 900), DepthSample(now_s + 10, "a", "b", 7, 0)]
        self._read(lambda store: store.add_depths(again))
        worst = [DepthSample(now_s, "a", "b", 5, 900), DepthSample(now_s + 10, "a", "b", 7, 0)]
        assert self._read(lambda store: store.depths(now_s)) == worst

    def test_traces_are_found_by_flow_kind_end_and_duration(self) -> None:
        self._write(span(1), span(2, 2, name="other"), span(3, duration_us=5_000_000, name="slow"))
        assert self._names(TraceQuery(any_step=("other", "slow"))) == [3, 2]
        assert self._names(TraceQuery(any_step=())) == []
        assert self._names(TraceQuery(trace_ids=(trace_id(3), trace_id(9)))) == [3]
        assert self._names(TraceQuery(trace_ids=())) == []
        assert self._names(TraceQuery(kind="queue")) == [2]
        assert self._names(TraceQuery(min_us=1_000_000)) == [3]
        assert self._names(TraceQuery(max_us=1_000_000)) == [2, 1]
        assert self._names(TraceQuery(until_ms=NOW_MS + 2)) == [1]

    def test_lines_are_read_back_from_a_position(self) -> None:
        self._write(*(line(1, f"line {number}", step=("even", "odd")[number % 2]) for number in range(4)))
        found = self._read(lambda store: store.logs(LogQuery(limit=2)))
        older = LogQuery(before=found[0].position, limit=9)
        assert self._messages(older) == ["line 0", "line 1"]
        assert self._messages(LogQuery(any_step=("even",), until_ms=NOW_MS + 10)) == ["line 0", "line 2"]
