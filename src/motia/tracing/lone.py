"""The lone spans of a batch, by step and in columns: most of what a busy HTTP service records."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from motia.tracing.record import LoneSpan, SpanKind, SpanRecord


class LoneSpans(NamedTuple):
    """Those of one step and kind, in the order they ended."""

    name: str
    kind: SpanKind
    records: Sequence[LoneSpan]
    trace_ids: Sequence[str]
    span_ids: Sequence[str]
    begins_ms: Sequence[float]
    durations_us: Sequence[int]


def parted(spans: Sequence[SpanRecord]) -> tuple[list[SpanRecord], list[LoneSpans]]:
    """The other spans of a batch, and its lone ones."""
    others: list[SpanRecord] = []
    groups: defaultdict[tuple[str, SpanKind], list[LoneSpan]] = defaultdict(list)
    for span in spans:
        if type(span) is LoneSpan:
            groups[span.name, span.kind].append(span)
        else:
            others.append(span)
    return others, [in_columns(name, kind, group) for (name, kind), group in groups.items()]


def in_columns(name: str, kind: SpanKind, records: Sequence[LoneSpan]) -> LoneSpans:
    """Lone spans of one step and kind, at least one."""
    trace_ids, span_ids, _, _, _, begins_ms, durations_us, *_ = zip(*records, strict=True)
    return LoneSpans(name, kind, records, trace_ids, span_ids, begins_ms, durations_us)
