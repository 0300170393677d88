from __future__ import annotations

import re

from motia.core.message import QueueDepth, QueueName
from motia.tracing.activity import FAILED, OK, OK_SUM, WAIT, MetricRow, bin_of
from motia.tracing.prometheus import exposition


def test_counts_are_told_as_prometheus_reads_them() -> None:
    rows = [
        MetricRow(0, "pack", OK, bin_of(2_000), 3),
        MetricRow(10, "pack", OK, bin_of(2_000), 1),
        MetricRow(0, "pack", FAILED, bin_of(700_000), 1),
        MetricRow(0, "pack", OK_SUM, 0, 8_000),
        MetricRow(0, "pack", WAIT, bin_of(50_000), 5),
        MetricRow(0, 'odd"\\\n', OK, 0, 1),
    ]
    depth = QueueDepth(queue=QueueName("orders", "pack"), ready=2, dead=1, oldest_ready_at_ms=4_000)
    text = exposition(rows, [depth], 10_000)
    lines = text.splitlines()
    assert 'motia_step_runs_total{step="pack",outcome="ok"} 4' in lines
    assert 'motia_step_runs_total{step="pack",outcome="failed"} 1' in lines
    assert 'motia_step_runs_total{step="odd\\"\\\\\\n",outcome="ok"} 1' in lines
    assert 'motia_step_duration_seconds_bucket{step="pack",le="0.0025"} 4' in lines
    assert 'motia_step_duration_seconds_bucket{step="pack",le="1"} 5' in lines
    assert 'motia_step_duration_seconds_bucket{step="pack",le="+Inf"} 5' in lines
    assert 'motia_step_duration_seconds_sum{step="pack"} 0.008' in lines
    assert 'motia_step_wait_seconds_count{step="pack"} 5' in lines
    assert 'motia_queue_messages{topic="orders",step="pack",state="dead"} 1' in lines
    assert 'motia_queue_oldest_seconds{topic="orders",step="pack"} 6.0' in lines
    shape = re.compile(r"# (HELP|TYPE) \w+ .+|\w+\{[^\n]*\} [0-9.]+")
    assert [line for line in lines if not shape.fullmatch(line)] == []
