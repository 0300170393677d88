"""What a batch of spans adds to the counts of steps, of the ways between them, and of their durations. Pure.

Durations are counted in bins of eight per doubling, so that a percentile is at most a sixteenth off and
counting costs less than a microsecond.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from motia.tracing.packing import PackedSpan

OK, FAILED, WAIT, OK_SUM, FAILED_SUM = range(5)
"""What is counted of a step: runs that ended well and badly by duration, waits, and sums of microseconds."""
_REMEMBERED = 20_000
_GOOD = frozenset({"ok", "cancelled"})


class StepCount(NamedTuple):
    """Runs of one step over some time."""

    step: str
    runs: int
    failures: int
    last_ms: float


class EdgeCount(NamedTuple):
    """Runs of `target` that `source` led to, over `topic` (empty: a call)."""

    source: str
    topic: str
    target: str
    runs: int
    failures: int
    last_ms: float


class MetricRow(NamedTuple):
    """One count: how often `what` fell into `bin` in the bucket that begins at `at_s`."""

    at_s: int
    step: str
    what: int
    bin: int
    n: int


@dataclass(slots=True)
class Activity:
    """What one batch adds."""

    steps: dict[str, list[float]] = field(default_factory=dict)
    """Step → runs, failures, latest end in epoch ms."""
    edges: dict[tuple[str, str, str], list[float]] = field(default_factory=dict)
    """(source, topic, target) → the same."""
    counts: dict[tuple[int, str, int, int], int] = field(default_factory=dict)
    """(second the bucket begins at, step, what, bin) → number."""


class Lineage:
    """Finds the steps at both ends of an edge: a child often ends before its parent does."""

    def __init__(self, *, remembered: int = _REMEMBERED) -> None:
        self._remembered = remembered
        self._names: dict[str, str] = {}
        self._older_names: dict[str, str] = {}
        self._waiting: dict[str, list[tuple[str, str, bool, float]]] = {}

    def fold(self, spans: Iterable[PackedSpan], bucket_s: int) -> Activity:
        """What these spans add; edges whose parent has not ended yet are added with it."""
        activity = Activity()
        names, waiting = self._names, self._waiting
        steps, counts = activity.steps, activity.counts
        for record, _ in spans:
            name, us = record.name, record.duration_us
            failed = record.status not in _GOOD
            ended_ms = record.started_at_ms + us / 1000
            found = steps.get(name)
            if found is None:
                steps[name] = [1, int(failed), ended_ms]
            else:
                found[0] += 1
                found[1] += failed
                found[2] = max(found[2], ended_ms)
            at_s = int(ended_ms / 1000) // bucket_s * bucket_s
            key = (at_s, name, int(failed), bin_of(us))
            counts[key] = counts.get(key, 0) + 1
            key = (at_s, name, OK_SUM + failed, 0)
            counts[key] = counts.get(key, 0) + us
            if record.kind != "http":
                key = (at_s, name, WAIT, bin_of(record.queue_wait_us))
                counts[key] = counts.get(key, 0) + 1
            names[record.span_id] = name
            if waiting and record.span_id in waiting:
                for topic, target, child_failed, child_ms in waiting.pop(record.span_id):
                    _add_edge(activity, name, topic, target, child_failed, child_ms)
            if record.parent_id is not None:
                topic = str(record.attributes.get("topic", "")) if record.attributes else ""
                parent = names.get(record.parent_id) or self._older_names.get(record.parent_id)
                if parent is not None:
                    _add_edge(activity, parent, topic, name, failed, ended_ms)
                else:
                    waiting.setdefault(record.parent_id, []).append((topic, name, failed, ended_ms))
        self._forget()
        return activity

    def _forget(self) -> None:
        if len(self._names) > self._remembered:
            self._older_names, self._names = self._names, {}
        while len(self._waiting) > self._remembered:
            del self._waiting[next(iter(self._waiting))]


def bin_of(us: int) -> int:
    """The bin of a duration in microseconds."""
    if us < 16:
        return max(us, 0)
    shift = us.bit_length() - 4
    return (shift << 3) + (us >> shift)


def middle_of(bin_number: int) -> float:
    """Microseconds in the middle of a bin."""
    if bin_number < 16:
        return float(bin_number)
    shift = (bin_number >> 3) - 1
    return float((bin_number - (shift << 3)) << shift) + (1 << shift) / 2


def upper_of(bin_number: int) -> float:
    """Microseconds at the upper end of a bin."""
    if bin_number < 16:
        return float(bin_number)
    shift = (bin_number >> 3) - 1
    return float((bin_number - (shift << 3) + 1) << shift)


def percentile(bins: Mapping[int, int], share: float) -> float:
    """Microseconds that `share` of what was counted stays below; -1 where nothing was."""
    total = sum(bins.values())
    if not total:
        return -1.0
    rank = share * total
    reached = 0
    for number in sorted(bins):
        reached += bins[number]
        if reached >= rank:
            return middle_of(number)
    return middle_of(max(bins))


def _add_edge(
    activity: Activity, source: str, topic: str, target: str, failed: bool, ended_ms: float
) -> None:
    found = activity.edges.setdefault((source, topic, target), [0, 0, 0.0])
    found[0] += 1
    found[1] += failed
    found[2] = max(found[2], ended_ms)
