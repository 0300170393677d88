"""Throughput, failures, percentiles and queues over time."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from motia.http.router import Route
from motia.tracing.activity import FAILED, OUTCOMES, RETRIED, WAIT, MetricRow, percentile
from motia.tracing.store import DepthSample, TraceQuery, TraceSummary
from motia.workbench.request import ApiRequest, Handler, invalid
from motia.workbench.workspace import Workspace

_DEFAULT_MS = 15 * 60 * 1000
_DEFAULT_POINTS = 120
_MAX_POINTS = 500
_LONGEST_MS = 8 * 24 * 3600 * 1000
_TRACES = 1000
_STEPS = (10, 20, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 86_400)
"""Widths of a point in seconds: one that the eye can read off."""
_FINEST = ((20 * 60, 10), (12 * 3600, 300))
"""For this many seconds back, counts are kept this fine; before, by the hour."""


@dataclass(slots=True)
class _Point:
    """What is counted of a step in one point."""

    durations: Counter[int] = field(default_factory=Counter)
    failures: int = 0
    retried: int = 0


def routes(workspace: Workspace) -> list[Route[Handler]]:
    """`/metrics`."""
    settings = workspace.settings

    async def metrics(request: ApiRequest) -> Any:
        now_ms = workspace.now_ms()
        until_ms = int(request.number("until_ms") or now_ms)
        since_ms = int(request.number("since_ms") or until_ms - _DEFAULT_MS)
        given = request.whole("points")
        points = _DEFAULT_POINTS if given is None else given
        if not 1 <= points <= _MAX_POINTS:
            raise invalid("points", f"1 to {_MAX_POINTS}", points)
        if not 0 < until_ms - since_ms <= _LONGEST_MS:
            raise invalid("since_ms", "a time at most 8 days before until_ms", since_ms)
        width_s = width_of((until_ms - since_ms) / 1000, (now_ms - since_ms) / 1000, points)
        first_s = since_ms // 1000 // width_s * width_s
        at_s = list(range(first_s, until_ms // 1000 + 1, width_s))
        step = request.text("step")
        rows = await workspace.traces.metrics(first_s, until_s=until_ms // 1000 + 1, step=step)
        samples = await workspace.traces.depths(first_s)
        recent = await workspace.traces.traces(TraceQuery(step=step, since_ms=since_ms, limit=_TRACES))
        return {
            "bucket_ms": width_s * 1000,
            "from_ms": first_s * 1000,
            "at_ms": [at * 1000 for at in at_s],
            **_by_step(rows, at_s, width_s),
            "queues": _queues(samples, at_s, width_s),
            "end_to_end": _end_to_end(recent),
            "thresholds": {
                "latency_ms": settings.workbench.latency_ms,
                "error_rate": settings.workbench.error_rate,
            },
        }

    return [Route("GET", "/metrics", metrics)]


def width_of(span_s: float, back_s: float, points: int) -> int:
    """Seconds of one point: no finer than what is kept that far back, and at most `points` of them."""
    finest = next((width for within_s, width in _FINEST if back_s <= within_s), 3600)
    return next((width for width in _STEPS if width >= max(finest, span_s / points)), _STEPS[-1])


def _by_step(rows: Iterable[MetricRow], at_s: Sequence[int], width_s: int) -> dict[str, Any]:
    points: dict[str, list[_Point]] = defaultdict(lambda: [_Point() for _ in at_s])
    waits: dict[str, Counter[int]] = defaultdict(Counter)
    for row in rows:
        index = (row.at_s - at_s[0]) // width_s
        if not 0 <= index < len(at_s):
            continue
        if row.what in OUTCOMES:
            for name in (row.step, ""):
                point = points[name][index]
                point.durations[row.bin] += row.n
                point.failures += row.n if row.what == FAILED else 0
                point.retried += row.n if row.what == RETRIED else 0
        elif row.what == WAIT:
            waits[row.step][row.bin] += row.n
    total = points.pop("", [_Point() for _ in at_s])
    span_s = len(at_s) * width_s
    return {
        "total": _series(total),
        "steps": {
            step: {**_series(found), "summary": _summary(found, waits[step], span_s)}
            for step, found in sorted(points.items())
        },
    }


def _series(points: Sequence[_Point]) -> dict[str, Any]:
    return {
        "runs": [point.durations.total() for point in points],
        "failures": [point.failures for point in points],
        "retried": [point.retried for point in points],
        "p50_us": [percentile(point.durations, 0.5) for point in points],
        "p95_us": [percentile(point.durations, 0.95) for point in points],
        "p99_us": [percentile(point.durations, 0.99) for point in points],
    }


def _summary(points: Sequence[_Point], waits: Counter[int], span_s: int) -> dict[str, Any]:
    durations: Counter[int] = Counter()
    for point in points:
        durations += point.durations
    return {
        "runs": durations.total(),
        "failures": sum(point.failures for point in points),
        "retried": sum(point.retried for point in points),
        "p50_us": percentile(durations, 0.5),
        "p95_us": percentile(durations, 0.95),
        "p99_us": percentile(durations, 0.99),
        "wait_p95_us": percentile(waits, 0.95),
        "per_s": durations.total() / span_s,
    }


def _queues(samples: Iterable[DepthSample], at_s: Sequence[int], width_s: int) -> list[dict[str, Any]]:
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for sample in samples:
        index = (sample.at_s - at_s[0]) // width_s
        if not 0 <= index < len(at_s):
            continue
        queue = found.setdefault(
            (sample.topic, sample.step),
            {
                "topic": sample.topic,
                "step": sample.step,
                "depth": [-1] * len(at_s),
                "age_ms": [-1] * len(at_s),
            },
        )
        queue["depth"][index] = max(queue["depth"][index], sample.depth)
        queue["age_ms"][index] = max(queue["age_ms"][index], sample.age_ms)
    return list(found.values())


def _end_to_end(traces: Sequence[TraceSummary]) -> dict[str, Any]:
    ended = [trace for trace in traces if trace.status != "running"]
    took_us = sorted((trace.ended_at_ms - trace.started_at_ms) * 1000 for trace in ended)

    def share(part: float) -> float:
        return round(took_us[min(len(took_us) - 1, int(part * len(took_us)))]) if took_us else -1

    failed = sum(trace.failed for trace in ended)
    return {
        "p50_us": share(0.5),
        "p95_us": share(0.95),
        "p99_us": share(0.99),
        "error_rate": failed / len(ended) if ended else 0.0,
        "traces": len(ended),
    }
