"""Our records as OpenTelemetry's, by its semantic conventions. Imported only where the extra is wanted."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from opentelemetry._logs import LogRecord as OtelLog
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExportResult
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricExportResult,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags, set_span_in_context
from opentelemetry.trace.status import Status, StatusCode

from motia.tracing.activity import OUTCOMES, SUMS, Activity, upper_of
from motia.tracing.packing import PackedLog
from motia.tracing.prometheus import BOUNDS_S
from motia.tracing.record import PARTS, LogRecord, SpanRecord

_SCOPE = InstrumentationScope("motia")
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_KINDS = {
    "http": SpanKind.SERVER,
    "queue": SpanKind.CONSUMER,
    "state": SpanKind.CONSUMER,
    "stream": SpanKind.CONSUMER,
    "model": SpanKind.CLIENT,
}
_SEVERITIES = {
    "debug": SeverityNumber.DEBUG,
    "info": SeverityNumber.INFO,
    "warning": SeverityNumber.WARN,
    "error": SeverityNumber.ERROR,
    "critical": SeverityNumber.FATAL,
}
_NAMES = {
    "method": "http.request.method",
    "route": "http.route",
    "http_status": "http.response.status_code",
    "topic": "messaging.destination.name",
    "message_id": "messaging.message.id",
    "verdict": "motia.verdict",
}
_FAILED_STATUSES = frozenset({"error", "timeout", "crashed"})


class Translator:
    """Sends batches to one collector. Not for several threads at once."""

    def __init__(self, endpoint: str, resource: Mapping[str, str], started_ms: int) -> None:
        self._resource = Resource.create(dict(resource))
        self._started_ns = started_ms * 1_000_000
        self._spans = OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces")
        self._logs = OTLPLogExporter(endpoint=f"{endpoint}/v1/logs")
        self._metrics = OTLPMetricExporter(endpoint=f"{endpoint}/v1/metrics")
        self._runs: Counter[tuple[str, str]] = Counter()
        self._durations: dict[str, Counter[int]] = defaultdict(Counter)
        self._sums_us: Counter[str] = Counter()

    def send(self, spans: Sequence[SpanRecord], logs: Sequence[PackedLog]) -> bool:
        """Send both; False where the collector did not take something."""
        sent = True
        if spans:
            result = self._spans.export([self.span(record) for record in spans])
            sent = result is SpanExportResult.SUCCESS
        if logs:
            taken = self._logs.export([self.log(packed.record) for packed in logs])
            sent = taken is LogRecordExportResult.SUCCESS and sent
        return sent

    def count(self, activity: Activity) -> None:
        """Add a batch to the counts that `send_metrics` tells."""
        for _, step, what, number, n in activity.rows(1):
            if what in OUTCOMES:
                self._runs[step, OUTCOMES[what]] += n
                self._durations[step][number] += n
            elif what in SUMS:
                self._sums_us[step] += n

    def send_metrics(self, now_ms: int) -> bool:
        """Send the counts since the start; False where the collector did not take them."""
        if not self._runs:
            return True
        return self._metrics.export(self.metrics(now_ms)) is MetricExportResult.SUCCESS

    def close(self) -> None:
        for exporter in (self._spans, self._logs, self._metrics):
            exporter.shutdown()

    def span(self, record: SpanRecord) -> ReadableSpan:
        """A span, with its error as an exception event."""
        given = record.attributes or {}
        attributes: dict[str, Any] = dict(given)  # those of a part have their conventional names already
        if record.kind not in PARTS:
            attributes = {
                "motia.step": record.name,
                "motia.trigger": record.kind,
                "motia.attempt": record.attempt,
                "motia.queue_wait_ms": record.queue_wait_us / 1000,
                **{name: given[ours] for ours, name in _NAMES.items() if ours in given},
            }
        if record.kind == "queue":
            attributes |= {"messaging.system": "motia", "messaging.operation.type": "process"}
        ended_ns = int(record.started_at_ms * 1e6) + record.duration_us * 1000
        events = []
        status = Status(StatusCode.UNSET)
        if record.status in _FAILED_STATUSES:
            error = record.error or {}
            attributes["error.type"] = str(error.get("type") or error.get("code") or record.status)
            status = Status(StatusCode.ERROR, str(error.get("message", "")))
            exception = {
                "exception.type": str(error.get("type", "")),
                "exception.message": str(error.get("message", "")),
                "exception.stacktrace": str(error.get("stack", "")),
            }
            events.append(Event("exception", exception, ended_ns))
        named = "route" in given and "method" in given
        return ReadableSpan(
            f"{given['method']} {given['route']}" if named else record.name,
            context=_context(record.trace_id, record.span_id),
            parent=_context(record.trace_id, record.parent_id) if record.parent_id else None,
            resource=self._resource,
            attributes=attributes,
            events=events,
            kind=_KINDS.get(record.kind, SpanKind.INTERNAL),
            status=status,
            start_time=int(record.started_at_ms * 1e6),
            end_time=ended_ns,
            instrumentation_scope=_SCOPE,
        )

    def log(self, record: LogRecord) -> ReadableLogRecord:
        """A line, in its trace."""
        attributes: dict[str, Any] = {"motia.step": record.step}
        if record.data is not None:
            attributes["motia.data"] = orjson.loads(record.data)
        context = None
        if record.trace_id:
            inside = _context(record.trace_id, record.span_id or "0" * 15 + "1")
            context = set_span_in_context(NonRecordingSpan(inside))
        line = OtelLog(
            timestamp=int(record.at_ms * 1e6),
            observed_timestamp=int(record.at_ms * 1e6),
            context=context,
            severity_text=record.level.upper(),
            severity_number=_SEVERITIES[record.level],
            body=record.message,
            attributes=attributes,
        )
        return ReadableLogRecord(line, self._resource, _SCOPE)

    def metrics(self, now_ms: int) -> MetricsData:
        """Runs and durations by step, cumulative since the start."""
        now_ns = now_ms * 1_000_000
        runs = [
            NumberDataPoint({"motia.step": step, "outcome": outcome}, self._started_ns, now_ns, count)
            for (step, outcome), count in self._runs.items()
        ]
        durations = [self._histogram(step, bins, now_ns) for step, bins in self._durations.items()]
        cumulative = AggregationTemporality.CUMULATIVE
        found = [
            Metric("motia.step.runs", "Executions that ended.", "{run}", Sum(runs, cumulative, True)),
            Metric("motia.step.duration", "How long executions took.", "s", Histogram(durations, cumulative)),
        ]
        scope = ScopeMetrics(_SCOPE, found, "")
        return MetricsData([ResourceMetrics(self._resource, [scope], "")])

    def _histogram(self, step: str, bins: Counter[int], now_ns: int) -> HistogramDataPoint:
        counts = [0] * (len(BOUNDS_S) + 1)
        for number, count in bins.items():
            above = sum(upper_of(number) > bound_s * 1e6 for bound_s in BOUNDS_S)
            counts[above] += count
        return HistogramDataPoint(
            attributes={"motia.step": step},
            start_time_unix_nano=self._started_ns,
            time_unix_nano=now_ns,
            count=bins.total(),
            sum=self._sums_us[step] / 1e6,
            bucket_counts=counts,
            explicit_bounds=list(BOUNDS_S),
            min=0,
            max=0,
        )


def _context(trace_id: str, span_id: str) -> SpanContext:
    return SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=False, trace_flags=_SAMPLED)
