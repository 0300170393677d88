"""Export to a real collector: our own, which speaks OTLP over HTTP and decodes what it is sent."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

pytest.importorskip("opentelemetry.exporter.otlp.proto.http")

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from motia.tracing.otlp import OtlpSink
from motia.tracing.packing import Packer
from motia.tracing.record import Identifiers, LogRecord, SpanRecord
from motia.tracing.redaction import Redactor

_REQUESTS = {
    "/v1/traces": ExportTraceServiceRequest,
    "/v1/logs": ExportLogsServiceRequest,
    "/v1/metrics": ExportMetricsServiceRequest,
}
TRACE, ROOT, CHILD = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "00f067aa0ba902b7"


class Collector:
    """Keeps what it was sent, by path. While `refuses` it answers 400, which is not tried again."""

    def __init__(self) -> None:
        self.received: dict[str, list[Any]] = {path: [] for path in _REQUESTS}
        self.refuses = False
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if not collector.refuses:
                    collector.received[self.path].append(_REQUESTS[self.path].FromString(body))
                self.send_response(400 if collector.refuses else 200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self._thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self._thread.join()


@pytest.fixture
def collector() -> Iterator[Collector]:
    found = Collector()
    yield found
    found.stop()


def sink_to(url: str, told: list[str]) -> OtlpSink:
    resource = {"service.name": "shop", "service.instance.id": "n1"}
    sink = OtlpSink(url, resource=resource, report=told.append, now_s=time.monotonic, now_ms=lambda: 5_000)
    sink.open()
    return sink


def values(attributes: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in attributes}


def test_spans_lines_and_counts_arrive_by_the_conventions(collector: Collector) -> None:
    told: list[str] = []
    sink = sink_to(collector.url, told)
    packer = Packer(Redactor())
    error = {"code": "handler.raised", "type": "ValueError", "message": "no stock", "stack": "at a.py:1"}
    root = SpanRecord(
        TRACE, ROOT, None, "create", "http", 1_000.5, 2_000,
        attributes={"method": "POST", "route": "/orders/:id", "http_status": 201, "input": b'{"password":1}'},
    )  # fmt: skip
    child = SpanRecord(
        TRACE, CHILD, ROOT, "pack", "queue", 1_010.0, 9_000, 4_000, 2, "error", error,
        {"topic": "orders", "message_id": "m1", "verdict": "dead"},
    )  # fmt: skip
    used = {"gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 7}
    asked = SpanRecord(
        TRACE, "1" * 16, CHILD, "chat m", "model", 1_011.0, 5_000, attributes=Identifiers(used)
    )
    line = LogRecord(TRACE, ROOT, "create", 1_001.0, "warning", "slow", b'{"ms":7}')
    outside = LogRecord("", "", "motia", 1_001.0, "info", "began")
    sink.write(
        [packer.span(root), packer.span(child), packer.span(asked)], [packer.log(line), packer.log(outside)]
    )
    sink.close()
    assert told == []

    (resource,) = [found for request in collector.received["/v1/traces"] for found in request.resource_spans]
    assert values(resource.resource.attributes)["service.name"] == "shop"
    spans = {span.name: span for span in resource.scope_spans[0].spans}
    served, packed = spans["POST /orders/:id"], spans["pack"]
    assert (served.trace_id.hex(), served.span_id.hex(), served.kind) == (TRACE, ROOT, 2)
    assert values(served.attributes)["http.response.status_code"] == 201
    assert values(served.attributes)["http.route"] == "/orders/:id"
    assert served.end_time_unix_nano - served.start_time_unix_nano == 2_000_000
    assert (packed.parent_span_id.hex(), packed.kind, packed.status.code) == (ROOT, 5, 2)
    conventions = values(packed.attributes)
    assert conventions["messaging.destination.name"] == "orders"
    assert (conventions["motia.attempt"], conventions["error.type"]) == (2, "ValueError")
    assert values(packed.events[0].attributes)["exception.stacktrace"] == "at a.py:1"
    assert (spans["chat m"].kind, values(spans["chat m"].attributes)) == (3, used)

    logs = [
        record
        for request in collector.received["/v1/logs"]
        for found in request.resource_logs
        for scope in found.scope_logs
        for record in scope.log_records
    ]
    assert (logs[0].body.string_value, logs[0].trace_id.hex(), logs[0].severity_text) == (
        "slow",
        TRACE,
        "WARNING",
    )
    assert logs[1].trace_id == b""

    (request,) = collector.received["/v1/metrics"]
    metrics = {one.name: one for one in request.resource_metrics[0].scope_metrics[0].metrics}
    runs = {
        tuple(values(point.attributes).values()): point.as_int
        for point in metrics["motia.step.runs"].sum.data_points
    }
    assert runs == {("create", "ok"): 1, ("pack", "failed"): 1}
    durations = {
        values(point.attributes)["motia.step"]: point
        for point in metrics["motia.step.duration"].histogram.data_points
    }
    assert (durations["pack"].count, durations["pack"].sum) == (1, 0.009)
    assert sum(durations["pack"].bucket_counts) == 1
    assert "password" not in str(collector.received)


@pytest.mark.filterwarnings("ignore")
def test_a_collector_that_refuses_is_told_of_once_and_so_is_its_return(collector: Collector) -> None:
    told: list[str] = []
    heard = threading.Event()
    sink = sink_to(collector.url, told)
    sink._report = lambda text: (told.append(text), heard.set())  # type: ignore[func-returns-value]
    packer = Packer(Redactor())
    span = packer.span(SpanRecord(TRACE, ROOT, None, "create", "http", 1_000.0, 2))
    collector.refuses = True
    sink.write([span], [])
    assert heard.wait(10)
    heard.clear()
    collector.refuses = False
    sink.write([span], [])
    assert heard.wait(10)
    sink.close()
    assert len(told) == 2
    assert "takes nothing" in told[0]
    assert "1 record not sent" in told[1]
