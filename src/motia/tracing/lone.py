"""The only spans of their traces: most of what a busy HTTP service records. They are kept in columns from the
recorder to the file, for one object a request costs more than what it holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, cast

from motia.tracing.record import SpanKind, SpanRecord

LONE_FIELDS = 6
"""Of one lone span in a recorder: ids of trace and span, name, kind, begin in ms, duration in µs."""


class LoneSpans(NamedTuple):
    """Spans of one step and kind, in the order they ended, each the only one of a trace that it began.

    They led on to nothing: no message, no line, no other span. They ended well at the first attempt, did not
    wait, and have no attributes.
    """

    name: str
    kind: SpanKind
    trace_ids: Sequence[str]
    span_ids: Sequence[str]
    begins_ms: Sequence[float]
    durations_us: Sequence[int]

    def at(self, places: Sequence[int]) -> LoneSpans:
        """Those at these places."""
        columns: Iterable[Any] = ([column[place] for place in places] for column in self[2:])
        return LoneSpans(self.name, self.kind, *columns)

    def records(self) -> list[SpanRecord]:
        """One by one."""
        return [
            SpanRecord(trace_id, span_id, None, self.name, self.kind, began_ms, us)
            for trace_id, span_id, began_ms, us in zip(*self[2:], strict=True)
        ]


def by_step(fields: Sequence[Any]) -> list[LoneSpans]:
    """Lone spans by step and kind, from the fields of one after the other."""
    columns = [fields[at::LONE_FIELDS] for at in range(LONE_FIELDS)]
    trace_ids, span_ids, names, kinds, begins_ms, durations_us = columns
    places: defaultdict[tuple[str, SpanKind], list[int]] = defaultdict(list)
    if len(set(names)) == len(set(kinds)) == 1:
        return [LoneSpans(names[0], kinds[0], trace_ids, span_ids, begins_ms, durations_us)]
    for place, key in enumerate(zip(names, kinds, strict=True)):
        places[cast("tuple[str, SpanKind]", key)].append(place)
    mixed = LoneSpans("", "http", trace_ids, span_ids, begins_ms, durations_us)
    return [mixed.at(found)._replace(name=name, kind=kind) for (name, kind), found in places.items()]


def records_of(lone: Iterable[LoneSpans]) -> list[SpanRecord]:
    """All of them, one by one."""
    return [record for group in lone for record in group.records()]
