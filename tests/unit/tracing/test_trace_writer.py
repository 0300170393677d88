from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from motia.tracing.lone import LoneSpans, records_of
from motia.tracing.packing import PackedLog, Packer
from motia.tracing.record import Event, Record, SpanRecord
from motia.tracing.recorder import Recorder
from motia.tracing.redaction import Redactor
from motia.tracing.writer import TraceWriter


class ListSink:
    def __init__(self, name: str = "list") -> None:
        self.name = name
        self.messages: list[str] = []
        self.spans: list[str] = []
        self.calls: list[str] = []
        self.threads: set[str] = set()
        self.broken: Exception | None = None
        self.written = threading.Event()

    def open(self) -> None:
        self.calls.append("open")

    def write(
        self, spans: Sequence[SpanRecord], logs: Sequence[PackedLog], lone: Sequence[LoneSpans] = ()
    ) -> None:
        self.threads.add(threading.current_thread().name)
        if self.broken is not None:
            raise self.broken
        self.spans += [record.name for record in (*spans, *records_of(lone))]
        self.messages += [packed.record.message for packed in logs]
        self.written.set()

    def close(self) -> None:
        self.calls.append("close")


def run(
    work: Callable[[Recorder, TraceWriter, list[ListSink]], Awaitable[None]], **options: Any
) -> list[ListSink]:
    sinks = [ListSink("one"), ListSink("two")]
    before = set(threading.enumerate())
    recorder = Recorder(lambda: 7, **options)
    writer = TraceWriter(recorder, Packer(Redactor()), sinks, now_ms=lambda: 7)

    async def main() -> None:
        await writer.start()
        try:
            await work(recorder, writer, sinks)
        finally:
            await writer.stop()

    asyncio.run(main())
    assert not _tracing_threads(before)
    return sinks


def _tracing_threads(before: set[threading.Thread]) -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name == "motia-tracing" and one not in before]


def record_both(recorder: Recorder) -> None:
    recorder.span("t", "s", parent_id=None, name="a", kind="http", started_at_ms=1.0, duration_us=1)
    recorder.log("info", "hello", step="a")


def test_records_reach_every_sink_in_a_thread_of_their_own() -> None:
    async def work(recorder: Recorder, writer: TraceWriter, sinks: list[ListSink]) -> None:
        record_both(recorder)
        # Nobody asks for it: the first record wakes the thread.
        assert await asyncio.to_thread(sinks[1].written.wait, 10)

    for sink in run(work):
        assert sink.spans == ["a"]
        assert sink.messages == ["hello"]
        assert sink.threads == {"motia-tracing"}
        assert sink.calls == ["open", "close"]


def test_flush_returns_when_all_is_handed_over() -> None:
    async def work(recorder: Recorder, writer: TraceWriter, sinks: list[ListSink]) -> None:
        for count in (1, 3000, 10_000):
            for _ in range(count):
                recorder.log("info", "x", step="a")
            await writer.flush()
            assert recorder.waiting() == 0
        assert len(sinks[0].messages) == 13_001
        await asyncio.gather(*(writer.flush() for _ in range(10)))

    run(work)


def test_lone_spans_reach_sinks_by_step() -> None:
    async def work(recorder: Recorder, writer: TraceWriter, sinks: list[ListSink]) -> None:
        record_both(recorder)
        for number in range(3000):
            recorder.lone_span(f"{number}", "s", f"step-{number % 3}", "http", 1.0, number)
        await writer.flush()
        assert recorder.waiting() == 0

    spans = run(work)[0].spans
    assert sorted(spans) == ["a", *(f"step-{step}" for step in range(3) for _ in range(1000))]


def test_what_was_recorded_before_the_stop_is_kept() -> None:
    async def work(recorder: Recorder, writer: TraceWriter, sinks: list[ListSink]) -> None:
        for _ in range(5000):
            recorder.log("info", "x", step="a")

    assert len(run(work)[0].messages) == 5000


def test_start_and_stop_are_safe_twice_and_a_stopped_writer_starts_again() -> None:
    async def work(recorder: Recorder, writer: TraceWriter, sinks: list[ListSink]) -> None:
        await writer.start()
        await writer.stop()
        await writer.stop()
        await writer.flush()
        recorder.log("info", "between", step="a")
        await writer.start()

    sinks = run(work)
    assert sinks[0].messages == ["between"]
    assert sinks[0].calls == ["open", "close", "open", "close"]
    asyncio.run(TraceWriter(Recorder(lambda: 7), Packer(Redactor()), [], now_ms=lambda: 7).stop())


def test_a_sink_that_cannot_open_fails_the_start() -> None:
    before = set(threading.enumerate())

    class Closed(ListSink):
        def open(self) -> None:
            raise OSError("no such place")

    good = ListSink()
    writer = TraceWriter(Recorder(lambda: 7), Packer(Redactor()), [good, Closed()], now_ms=lambda: 7)
    with pytest.raises(OSError, match="no such place"):
        asyncio.run(writer.start())
    assert good.calls == ["open", "close"]
    assert not _tracing_threads(before)


def test_a_failing_sink_costs_no_other_sink_and_its_losses_are_told() -> None:
    events: list[Record] = []

    async def work(recorder: Recorder, writer: TraceWriter, sinks: list[ListSink]) -> None:
        recorder.subscribe(events.append)
        broken, good = sinks
        broken.broken = OSError("disk full")
        for _ in range(3):
            record_both(recorder)
            await writer.flush()
        assert good.messages.count("hello") == 3
        assert good.messages.count("tracing: one keeps no records: disk full") == 1
        broken.broken = None
        record_both(recorder)
        await writer.flush()
        # Three times two records, and the line that told of the failure.
        told = "tracing: 7 records lost, one works again"
        assert broken.messages == ["hello", told]
        assert good.messages[-1] == told

    run(work)
    lost = [event.fields["records"] for event in events if isinstance(event, Event)]
    assert sum(lost) == 7


def test_a_sink_that_fails_at_the_end_is_told_and_the_others_are_closed() -> None:
    async def work(recorder: Recorder, writer: TraceWriter, sinks: list[ListSink]) -> None:
        sinks[0].broken = OSError("the disk is full")
        record_both(recorder)

    first, second = run(work)
    assert second.messages == ["hello", "tracing: one keeps no records: the disk is full"]
    assert (first.calls, second.calls) == (["open", "close"], ["open", "close"])


def test_a_sink_that_fails_every_other_time_does_not_keep_the_thread_busy() -> None:
    class Flaky(ListSink):
        def write(
            self, spans: Sequence[SpanRecord], logs: Sequence[PackedLog], lone: Sequence[LoneSpans] = ()
        ) -> None:
            self.calls.append("write")
            if self.calls.count("write") % 2:
                raise OSError("again")

    async def main() -> None:
        sink = Flaky()
        recorder = Recorder(lambda: 7)
        writer = TraceWriter(recorder, Packer(Redactor()), [sink], now_ms=lambda: 7)
        await writer.start()
        recorder.log("info", "x", step="a")
        await writer.flush()
        await writer.stop()
        assert sink.calls.count("write") < 10

    asyncio.run(main())


def test_dropped_records_are_told() -> None:
    async def work(recorder: Recorder, writer: TraceWriter, sinks: list[ListSink]) -> None:
        await writer.stop()
        for _ in range(15):
            recorder.log("info", "x", step="a")
        await writer.start()
        await writer.flush()

    messages = run(work, capacity=10)[0].messages
    assert messages == ["x"] * 10 + ["tracing: 5 records dropped: more came than could be kept"]


def test_a_record_that_cannot_be_packed_costs_only_itself() -> None:
    async def work(recorder: Recorder, writer: TraceWriter, sinks: list[ListSink]) -> None:
        recorder.log("info", 5, step="a")  # type: ignore[arg-type]
        recorder.log("info", "fine", step="a")
        await writer.flush()

    messages = run(work)[0].messages
    assert messages[0] == "fine"
    assert messages[1].startswith("tracing: a record was lost, packing it raised")
