"""Where everything is recorded first: a bounded queue in memory, cheap enough for every execution."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from motia.tracing.catalogue import check_event
from motia.tracing.lone import LONE_FIELDS
from motia.tracing.record import Event, Level, LogRecord, Record, SpanKind, SpanRecord, SpanStatus

WAKE_AT = 2_000
"""Records that wait before the writer is woken early."""

_WAKE_AT_FIELDS = WAKE_AT * LONE_FIELDS
_make = tuple.__new__
Subscriber = Callable[[Record], None]


class Recorder:
    """Takes records from any thread and never blocks; a full recorder drops and counts.

    Subscribers are called at once, in the recording thread, with what is not yet redacted: they may wait
    for it or count it, but must neither print nor store it. One that raises is dropped, with an error logged.
    """

    __slots__ = ("_capacity", "_dropped", "_lone", "_now_ms", "_queue", "_subscribers", "_wake", "listened")

    def __init__(self, now_ms: Callable[[], int], *, capacity: int = 20_000) -> None:
        self._now_ms = now_ms
        self._capacity = capacity
        self._queue: deque[SpanRecord | LogRecord] = deque()
        self._lone: list[Any] = []
        """Fields of lone spans, one after the other."""
        self._subscribers: tuple[Subscriber, ...] = ()
        self.listened = False
        """Whether anybody hears events: hot paths ask before they gather the fields."""
        self._dropped = 0
        self._wake: Callable[[], None] | None = None

    def span(
        self,
        trace_id: str,
        span_id: str,
        *,
        parent_id: str | None,
        name: str,
        kind: SpanKind,
        started_at_ms: float,
        duration_us: int,
        queue_wait_us: int = 0,
        attempt: int = 1,
        status: SpanStatus = "ok",
        error: Mapping[str, Any] | None = None,
        attributes: Mapping[str, Any] | None = None,
    ) -> None:
        """Record one execution that has ended; the fields are those of `SpanRecord`."""
        self._put(
            _make(
                SpanRecord,
                (
                    trace_id,
                    span_id,
                    parent_id,
                    name,
                    kind,
                    started_at_ms,
                    duration_us,
                    queue_wait_us,
                    attempt,
                    status,
                    error,
                    attributes,
                ),
            )
        )

    def lone_span(
        self, trace_id: str, span_id: str, name: str, kind: SpanKind, started_at_ms: float, duration_us: int
    ) -> None:
        """Record the only span of a trace, as `LoneSpans` has it."""
        lone = self._lone
        waiting = len(lone)
        if waiting >= self._capacity * LONE_FIELDS:
            self._dropped += 1
            return
        lone.extend((trace_id, span_id, name, kind, started_at_ms, duration_us))
        if (waiting == 0 or waiting == _WAKE_AT_FIELDS) and self._wake is not None:
            self._wake()
        if self._subscribers:
            self._publish(SpanRecord(trace_id, span_id, None, name, kind, started_at_ms, duration_us))

    def log(
        self,
        level: Level,
        message: str,
        *,
        step: str,
        trace_id: str = "",
        span_id: str = "",
        data: bytes | None = None,
    ) -> None:
        """Record one line; `data` is JSON text."""
        self._put(_make(LogRecord, (trace_id, span_id, step, self._now_ms(), level, message, data)))

    def event(self, name: str, **fields: Any) -> None:
        """Tell subscribers of a catalogued event; costs next to nothing without any.

        Failure: `InternalError` where the event or its fields are not in the catalogue.
        """
        if self._subscribers:
            check_event(name, fields)
            self._publish(Event(name, fields))

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call `subscriber` for every record and event from now on; returns what ends that."""
        self._subscribers = (*self._subscribers, subscriber)
        self.listened = True
        return lambda: self._unsubscribe(subscriber)

    def on_waiting(self, wake: Callable[[], None] | None) -> None:
        """Call `wake`, from any thread, when the first record waits and again when `WAKE_AT` do."""
        self._wake = wake

    def waiting(self) -> int:
        """Records that were not taken yet."""
        return len(self._queue) + len(self._lone) // LONE_FIELDS

    def take(self, limit: int) -> list[SpanRecord | LogRecord]:
        """The oldest `limit` records, without lone spans, removed. One thread at a time may take."""
        pop = self._queue.popleft
        return [pop() for _ in range(min(limit, len(self._queue)))]

    def take_lone(self) -> list[Any]:
        """The fields of all lone spans, one after the other, removed."""
        fields = self._lone[:]
        del self._lone[: len(fields)]
        return fields

    def take_dropped(self) -> int:
        """Records dropped since the last call."""
        dropped, self._dropped = self._dropped, 0
        return dropped

    def _put(self, record: SpanRecord | LogRecord) -> None:
        queue = self._queue
        waiting = len(queue)
        if waiting >= self._capacity:
            self._dropped += 1
            return
        queue.append(record)
        if (waiting == 0 or waiting == WAKE_AT) and self._wake is not None:
            self._wake()
        if self._subscribers:
            self._publish(record)

    def _unsubscribe(self, subscriber: Subscriber) -> None:
        self._subscribers = tuple(other for other in self._subscribers if other is not subscriber)
        self.listened = bool(self._subscribers)

    def _publish(self, record: Record) -> None:
        for subscriber in self._subscribers:
            try:
                subscriber(record)
            except Exception as error:  # a watcher's defect must not fail the execution it watches
                self._unsubscribe(subscriber)
                self.log("error", f"tracing: a subscriber raised and was dropped: {error!r}", step="motia")
