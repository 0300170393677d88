"""Traces, logs and counts to a collector, as OTLP over HTTP: the extra `[otlp]`.

Records are turned into OpenTelemetry's in a thread of its own, long after the handler has answered. The
standard variables (`OTEL_EXPORTER_OTLP_HEADERS`, `…_TIMEOUT`, certificates) are the exporters' to read.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from motia.core.wording import counted
from motia.errors import SettingsError
from motia.tracing.activity import Lineage
from motia.tracing.lone import LoneSpans, records_of
from motia.tracing.packing import PackedLog
from motia.tracing.record import SpanRecord

if TYPE_CHECKING:
    from motia.tracing.otlp_records import Translator

_MOST_WAITING = 20_000
_BATCH = 512
_METRICS_EVERY_S = 15.0
_LAST_WORDS_S = 5.0


class OtlpSink:
    """`RecordSink` that sends on. It never holds up the other sinks: what a slow collector leaves is dropped,
    and `report` told so once, and once more when it works again.

    `now_s` is monotonic; `resource` names this service.
    """

    name = "otlp"

    def __init__(
        self,
        endpoint: str,
        *,
        resource: dict[str, str],
        report: Callable[[str], None],
        now_s: Callable[[], float],
        now_ms: Callable[[], int],
    ) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._resource = resource
        self._report = report
        self._now_s = now_s
        self._now_ms = now_ms
        self._waiting: queue.Queue[SpanRecord | PackedLog | None] = queue.Queue(_MOST_WAITING)
        self._thread: threading.Thread | None = None
        self._lost = 0
        self._told = False
        self._closing = False

    def open(self) -> None:
        """Failure: `SettingsError` `settings.otlp` where the extra is not installed."""
        try:
            from motia.tracing.otlp_records import Translator
        except ImportError as error:
            raise SettingsError(
                f"tracing.otlp_endpoint: expected the exporters of OpenTelemetry, got none ({error.name})",
                code="settings.otlp",
                hint='pip install "motia-steps[otlp]"',
            ) from error
        translator = Translator(self._endpoint, self._resource, self._now_ms())
        self._thread = threading.Thread(target=self._run, args=(translator,), name="motia-otlp", daemon=True)
        self._thread.start()

    def write(
        self, spans: Sequence[SpanRecord], logs: Sequence[PackedLog], lone: Sequence[LoneSpans] = ()
    ) -> None:
        records: tuple[SpanRecord | PackedLog, ...] = (*spans, *records_of(lone), *logs)
        for record in records:
            try:
                self._waiting.put_nowait(record)
            except queue.Full:
                self._lost += 1

    def close(self) -> None:
        """Send what waits; a collector that does not answer is not waited for long."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._closing = True
            with contextlib.suppress(queue.Full):  # then the thread is busy, and looks again
                self._waiting.put_nowait(None)
            thread.join(_LAST_WORDS_S)

    def _run(self, translator: Translator) -> None:
        lineage = Lineage()
        next_metrics_s = self._now_s() + _METRICS_EVERY_S
        ended = False
        while not ended:
            spans, logs = self._take(max(0.05, next_metrics_s - self._now_s()))
            ended = self._closing and self._waiting.empty()
            if spans:
                translator.count(lineage.fold(spans))
            sent = translator.send(spans, logs)
            if ended or self._now_s() >= next_metrics_s:
                next_metrics_s = self._now_s() + _METRICS_EVERY_S
                sent = translator.send_metrics(self._now_ms()) and sent
            if not sent:
                self._lost += len(spans) + len(logs)
            self._tell(sent)
        translator.close()

    def _take(self, wait_s: float) -> tuple[list[SpanRecord], list[PackedLog]]:
        """A batch, or what came within the wait."""
        spans: list[SpanRecord] = []
        logs: list[PackedLog] = []
        try:
            record: Any = self._waiting.get(timeout=wait_s)
            while record is not None:
                (spans if isinstance(record, SpanRecord) else logs).append(record)
                if len(spans) + len(logs) >= _BATCH:
                    break
                record = self._waiting.get_nowait()
        except queue.Empty:
            pass  # that was all for now
        return spans, logs

    def _tell(self, sent: bool) -> None:
        if not sent and not self._told:
            self._told = True
            self._report(f"tracing: the collector at {self._endpoint} takes nothing; records are dropped")
        elif sent and (self._told or self._lost):
            lost, self._lost, self._told = self._lost, 0, False
            self._report(
                f"tracing: {counted(lost, 'record')} not sent; the collector at {self._endpoint} works again"
            )
