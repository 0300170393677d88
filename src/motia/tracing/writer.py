"""The thread that takes records from the recorder, packs them and hands them to the sinks."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from motia.core.wording import counted
from motia.tracing.lone import LONE_FIELDS, LoneSpans, by_step
from motia.tracing.packing import PackedLog, Packer
from motia.tracing.record import Level, LogRecord, SpanRecord
from motia.tracing.recorder import WAKE_AT, Recorder
from motia.tracing.store import RecordSink

INTERVAL_S = 0.1
"""A transaction costs as much as two hundred records of it: shorter ones took a twentieth of a busy node."""
_BACKSTOP_S = 1.0
"""A record that comes while the thread looks away wakes nobody; it waits at most this long."""
_BATCH = 2_000


class TraceWriter:
    """A `Service`. While it runs, records reach the sinks within 100 ms, or sooner when 2,000 wait.

    A sink that fails loses that batch and no other sink does. Every loss is counted and told in a record of
    its own (`step` "motia"), once when it begins and once, with the number, when the sink works again.
    """

    def __init__(
        self, recorder: Recorder, packer: Packer, sinks: Sequence[RecordSink], *, now_ms: Callable[[], int]
    ) -> None:
        self._recorder = recorder
        self._packer = packer
        self._sinks = tuple(sinks)
        self._now_ms = now_ms
        self._wake = threading.Event()
        self._flushes: deque[Future[None]] = deque()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._lost: dict[str, int] = {}
        self._reports: list[LogRecord] = []
        self._busy = False

    async def start(self) -> None:
        """Open the sinks and begin. Failure: what a sink's `open` raised; nothing is left running then."""
        if self._thread is not None:
            return
        self._stopping = False
        opened: Future[None] = Future()
        opened.set_running_or_notify_cancel()  # a cancelled start must not take the thread's answer away
        self._thread = threading.Thread(target=self._run, args=(opened,), name="motia-tracing", daemon=True)
        self._thread.start()
        try:
            await asyncio.wrap_future(opened)
        except BaseException:
            await self.stop()
            raise
        self._recorder.on_waiting(self._wake.set)

    async def stop(self) -> None:
        """Hand over what was recorded so far, close the sinks and end the thread."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._stopping = True
        self._recorder.on_waiting(None)
        self._wake.set()
        await asyncio.get_running_loop().run_in_executor(None, thread.join)

    async def flush(self) -> None:
        """Return when everything recorded before the call has been handed to the sinks."""
        if self._thread is None:
            return
        done: Future[None] = Future()
        done.set_running_or_notify_cancel()
        self._flushes.append(done)
        self._wake.set()
        await asyncio.wrap_future(done)

    def _run(self, opened: Future[None]) -> None:
        ready: list[RecordSink] = []
        try:
            for sink in self._sinks:
                sink.open()
                ready.append(sink)
        except BaseException as error:
            for sink in ready:
                sink.close()
            opened.set_exception(error)
            return
        opened.set_result(None)
        while not self._stopping:
            self._wake.wait(_BACKSTOP_S)
            self._wake.clear()
            if not self._stopping and not self._flushes and self._recorder.waiting() < WAKE_AT:
                self._wake.wait(INTERVAL_S)
                self._wake.clear()
            self._drain()
        self._drain()
        if self._reports:
            self._hand_over([])
        for sink in self._sinks:
            sink.close()
        self._end_flushes(len(self._flushes))

    def _drain(self) -> None:
        flushes = len(self._flushes)
        left = self._recorder.waiting()
        quiet = not left
        self._busy = self._busy or not quiet
        while left > 0:
            lone, records = self._recorder.take_lone(), self._recorder.take(_BATCH)
            left -= len(lone) // LONE_FIELDS + len(records)
            self._hand_over(records, by_step(lone))
        dropped = self._recorder.take_dropped()
        if dropped:
            self._report(
                "warning", f"tracing: {counted(dropped, 'record')} dropped: more came than could be kept"
            )
            self._recorder.event("tracing.dropped", sink="recorder", records=dropped, reason="full")
        if self._reports:
            # What handing these over has to report waits for the next time: it must not go round for ever.
            self._hand_over([])
        if self._busy and (quiet or flushes or self._stopping):
            # What a sink holds back while much comes is due now.
            self._busy = False
            for sink in self._sinks:
                self._give(sink, (), ())
        self._end_flushes(flushes)

    def _end_flushes(self, count: int) -> None:
        for _ in range(count):
            done = self._flushes.popleft()
            done.set_result(None)

    def _hand_over(self, records: Sequence[SpanRecord | LogRecord], lone: Sequence[LoneSpans] = ()) -> None:
        reports, self._reports = self._reports, []
        spans: list[SpanRecord] = []
        logs: list[PackedLog] = []
        for record in (*records, *reports):
            try:
                if isinstance(record, SpanRecord):
                    spans.append(self._packer.span(record))
                else:
                    logs.append(self._packer.log(record))
            except Exception as error:  # one odd record must not end the thread that serves all others
                self._report("error", f"tracing: a record was lost, packing it raised {error!r}")
        for sink in self._sinks:
            self._give(sink, spans, logs, lone)

    def _give(
        self,
        sink: RecordSink,
        spans: Sequence[SpanRecord],
        logs: Sequence[PackedLog],
        lone: Sequence[LoneSpans] = (),
    ) -> None:
        try:
            sink.write(spans, logs, lone)
        except Exception as error:  # a sink's failure is told below; records of others must go on
            if sink.name not in self._lost:
                self._report("error", f"tracing: {sink.name} keeps no records: {error}")
            records = len(spans) + len(logs) + sum(len(group.trace_ids) for group in lone)
            self._lost[sink.name] = self._lost.get(sink.name, 0) + records
            self._recorder.event("tracing.dropped", sink=sink.name, records=records, reason=str(error))
            return
        lost = self._lost.pop(sink.name, 0)
        if lost:
            self._report("warning", f"tracing: {counted(lost, 'record')} lost, {sink.name} works again")

    def _report(self, level: Level, message: str) -> None:
        self._reports.append(LogRecord("", "", "motia", self._now_ms(), level, message))
