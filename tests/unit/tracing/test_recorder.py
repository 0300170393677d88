from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from motia.errors import InternalError
from motia.tracing.catalogue import EVENTS
from motia.tracing.lone import by_step, records_of
from motia.tracing.record import Event, LogRecord, Record, SpanRecord
from motia.tracing.recorder import WAKE_AT, Recorder


def make(capacity: int = 1000) -> Recorder:
    return Recorder(lambda: 42, capacity=capacity)


def record_span(recorder: Recorder) -> None:
    recorder.span(
        "t" * 32, "s" * 16, parent_id=None, name="a", kind="http", started_at_ms=1.5, duration_us=7, attempt=2
    )


def test_records_come_out_in_order_and_whole() -> None:
    recorder = make()
    record_span(recorder)
    recorder.log("info", "hello", step="a", trace_id="t", span_id="s", data=b"{}")
    assert recorder.waiting() == 2
    first, second = recorder.take(10)
    assert first == SpanRecord("t" * 32, "s" * 16, None, "a", "http", 1.5, 7, 0, 2, "ok", None, None)
    assert isinstance(first, SpanRecord)
    assert second == LogRecord("t", "s", "a", 42, "info", "hello", b"{}")
    assert isinstance(second, LogRecord)
    assert recorder.take(10) == []


def test_a_full_recorder_drops_and_counts() -> None:
    recorder = make(capacity=2)
    for _ in range(3):
        record_span(recorder)
    recorder.log("info", "x", step="a")
    assert recorder.waiting() == 2
    assert recorder.take_dropped() == 2
    assert recorder.take_dropped() == 0
    recorder.take(1)
    record_span(recorder)
    assert recorder.take_dropped() == 0


def record_lone(recorder: Recorder, number: int = 0, name: str = "a") -> None:
    recorder.lone_span(f"{number:032}", f"{number:016}", name, "http", 1.5 + number, 7)


def test_lone_spans_come_out_by_step_and_watchers_hear_them_at_once() -> None:
    recorder = make(capacity=4)
    heard: list[Record] = []
    recorder.subscribe(heard.append)
    for number in range(5):
        record_lone(recorder, number, "ab"[number % 2])
    assert (recorder.waiting(), recorder.take_dropped(), recorder.take(10)) == (4, 1, [])
    whole = by_step(recorder.take_lone())
    assert [(group.name, list(group.begins_ms)) for group in whole] == [("a", [1.5, 3.5]), ("b", [2.5, 4.5])]
    assert sorted(records_of(whole)) == heard
    assert recorder.waiting() == 0
    record_lone(recorder)
    assert records_of(by_step(recorder.take_lone())) == heard[-1:]


@pytest.mark.parametrize("record", [record_span, record_lone])
def test_the_writer_is_woken_by_the_first_record_and_by_many(record: Callable[[Recorder], None]) -> None:
    recorder = make(capacity=10_000)
    woken: list[int] = []
    recorder.on_waiting(lambda: woken.append(recorder.waiting()))
    for _ in range(WAKE_AT + 100):
        record(recorder)
    assert woken == [1, WAKE_AT + 1]


def test_no_record_is_lost_between_threads() -> None:
    recorder = make(capacity=10**6)
    taken: list[object] = []
    done = threading.Event()

    def consume() -> None:
        while not done.is_set() or recorder.waiting():
            taken.extend(recorder.take(100))

    def produce() -> None:
        for _ in range(5000):
            recorder.log("info", "x", step="a")

    consumer = threading.Thread(target=consume)
    producers = [threading.Thread(target=produce) for _ in range(4)]
    for thread in (consumer, *producers):
        thread.start()
    for thread in producers:
        thread.join()
    done.set()
    consumer.join()
    assert len(taken) == 20_000


def test_subscribers_see_records_and_events_at_once() -> None:
    recorder = make()
    seen: list[Record] = []
    end = recorder.subscribe(seen.append)
    record_span(recorder)
    recorder.log("debug", "x", step="a")
    recorder.event("node.started", node="ab", pid=1)
    assert [type(record) for record in seen] == [SpanRecord, LogRecord, Event]
    assert seen[-1] == Event("node.started", {"node": "ab", "pid": 1})
    end()
    record_span(recorder)
    assert len(seen) == 3


def test_a_subscriber_that_raises_is_dropped_and_told_of() -> None:
    recorder = make()
    seen: list[Record] = []

    def broken(record: Record) -> None:
        raise ValueError("no")

    recorder.subscribe(broken)
    recorder.subscribe(seen.append)
    record_span(recorder)
    record_span(recorder)
    lines = [record for record in recorder.take(10) if isinstance(record, LogRecord)]
    assert [line.message for line in lines] == [
        "tracing: a subscriber raised and was dropped: ValueError('no')"
    ]
    assert len(seen) == 3


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("node.sneezed", {}),
        ("node.started", {"node": "ab"}),
        ("node.started", {"node": "ab", "pid": 1, "x": 2}),
    ],
)
def test_an_event_that_is_not_catalogued_is_refused(name: str, fields: dict[str, object]) -> None:
    recorder = make()
    recorder.subscribe(lambda record: None)
    with pytest.raises(InternalError) as caught:
        recorder.event(name, **fields)
    assert caught.value.code == "internal.uncatalogued"


def test_the_catalogue_describes_every_field() -> None:
    assert {"invocation.started", "invocation.ended", "message.enqueued", "message.claimed"} < set(EVENTS)
    assert {"message.settled", "message.dead_lettered", "http.request", "state.changed"} < set(EVENTS)
    assert {"cron.fired", "log"} < set(EVENTS)
    for name, kind in EVENTS.items():
        assert kind.name == name
        assert kind.when
        assert all(kind.fields.values())
