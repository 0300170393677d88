"""Counts as Prometheus reads them: text exposition format 0.0.4. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from motia.core.message import QueueDepth
from motia.tracing.activity import OUTCOMES, SUMS, WAIT, MetricRow, middle_of, upper_of

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_STATES = ("ready", "scheduled", "blocked", "claimed", "dead")


def exposition(rows: Iterable[MetricRow], depths: Sequence[QueueDepth], now_ms: int) -> str:
    """All metrics. `rows` are counts over all time, so that counters only grow."""
    runs: Counter[tuple[str, str]] = Counter()
    durations: dict[str, Counter[int]] = defaultdict(Counter)
    waits: dict[str, Counter[int]] = defaultdict(Counter)
    sums_us: Counter[str] = Counter()
    for row in rows:
        if row.what in OUTCOMES:
            runs[row.step, OUTCOMES[row.what]] += row.n
            durations[row.step][row.bin] += row.n
        elif row.what == WAIT:
            waits[row.step][row.bin] += row.n
        elif row.what in SUMS:
            sums_us[row.step] += row.n
    wait_sums_us = {
        step: sum(middle_of(number) * count for number, count in bins.items()) for step, bins in waits.items()
    }
    lines = [
        *_head(
            "motia_step_runs_total",
            "counter",
            "Executions of a step that ended; retried = failed, and tried again.",
        ),
        *(
            f"motia_step_runs_total{_labels(step=step, outcome=outcome)} {count}"
            for (step, outcome), count in sorted(runs.items())
        ),
        *_histograms("motia_step_duration_seconds", "How long executions took.", durations, sums_us),
        *_histograms("motia_step_wait_seconds", "How long messages waited.", waits, wait_sums_us),
        *_head("motia_queue_messages", "gauge", "Messages of a queue by state."),
        *(
            f"motia_queue_messages{_labels(topic=depth.queue.topic, step=depth.queue.step, state=state)}"
            f" {getattr(depth, state)}"
            for depth in depths
            for state in _STATES
        ),
        *_head("motia_queue_oldest_seconds", "gauge", "Age of the oldest message that is ready."),
        *(
            f"motia_queue_oldest_seconds{_labels(topic=depth.queue.topic, step=depth.queue.step)}"
            f" {max(0, now_ms - (depth.oldest_ready_at_ms or now_ms)) / 1000}"
            for depth in depths
        ),
    ]
    return "\n".join(lines) + "\n"


def _head(name: str, kind: str, text: str) -> list[str]:
    return [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]


def _histograms(
    name: str, text: str, found: dict[str, Counter[int]], sums_us: Counter[str] | dict[str, float]
) -> Iterator[str]:
    yield from _head(name, "histogram", text)
    for step, bins in sorted(found.items()):
        for bound_s in BOUNDS_S:
            below = sum(count for number, count in bins.items() if upper_of(number) <= bound_s * 1e6)
            yield f"{name}_bucket{_labels(step=step, le=f'{bound_s:g}')} {below}"
        yield f"{name}_bucket{_labels(step=step, le='+Inf')} {bins.total()}"
        yield f"{name}_sum{_labels(step=step)} {sums_us[step] / 1e6}"
        yield f"{name}_count{_labels(step=step)} {bins.total()}"


def _labels(**labels: str) -> str:
    def escaped(text: str) -> str:
        return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

    return "{" + ",".join(f'{name}="{escaped(value)}"' for name, value in labels.items()) + "}"
