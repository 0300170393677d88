"""What a batch of spans adds to the counts of steps, of the ways between them, and of their durations. Pure.

Durations are counted in bins of eight per doubling, so that a percentile is at most a sixteenth off and
counting costs less than a microsecond.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from motia.tracing.lone import LoneSpans
from motia.tracing.record import PARTS, SpanRecord
from motia.tracing.summary import tried_again

OK, FAILED, WAIT, OK_SUM, FAILED_SUM, RETRIED, RETRIED_SUM = range(7)
"""What is counted of a step: runs by duration that ended well, ended badly, and failed but were tried again;
waits, and sums of microseconds."""
OUTCOMES = {OK: "ok", FAILED: "failed", RETRIED: "retried"}
SUMS = frozenset({OK_SUM, FAILED_SUM, RETRIED_SUM})
_REMEMBERED = 20_000
_GOOD = frozenset({"ok", "refused", "cancelled"})


class StepCount(NamedTuple):
    """Runs of one step over some time."""

    step: str
    runs: int
    failures: int
    """Of those that were not tried again."""
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


class StepActivity:
    """What is counted of one step."""

    __slots__ = (
        "again",
        "again_us",
        "bad",
        "bad_us",
        "failures",
        "good",
        "good_us",
        "last_ms",
        "runs",
        "waits",
    )

    def __init__(self) -> None:
        self.runs = 0
        self.failures = 0
        self.last_ms = 0.0
        self.good: dict[int, int] = {}
        """Bin → runs that ended well."""
        self.bad: dict[int, int] = {}
        self.again: dict[int, int] = {}
        self.waits: dict[int, int] = {}
        self.good_us = 0
        self.bad_us = 0
        self.again_us = 0

    def add(self, other: StepActivity) -> None:
        self.runs += other.runs
        self.failures += other.failures
        self.last_ms = max(self.last_ms, other.last_ms)
        self.good_us += other.good_us
        self.bad_us += other.bad_us
        self.again_us += other.again_us
        for mine, more in (
            (self.good, other.good),
            (self.bad, other.bad),
            (self.again, other.again),
            (self.waits, other.waits),
        ):
            for number, count in more.items():
                mine[number] = mine.get(number, 0) + count


Edge = tuple[str, str, str]
"""source, topic, target"""


@dataclass(slots=True)
class Activity:
    """What some batches add."""

    steps: dict[str, StepActivity] = field(default_factory=dict)
    edges: dict[Edge, list[float]] = field(default_factory=dict)
    """Runs, failures, latest end in epoch ms."""
    spans: int = 0

    @property
    def last_ms(self) -> float:
        """When the latest of it ended."""
        return max((step.last_ms for step in self.steps.values()), default=0.0)

    def add(self, other: Activity) -> None:
        """Add what came later."""
        self.spans += other.spans
        for name, step in other.steps.items():
            self.steps.setdefault(name, StepActivity()).add(step)
        for edge, (runs, failures, last_ms) in other.edges.items():
            _add_to_edge(self.edges, edge, runs, failures, last_ms)

    def rows(self, bucket_s: int) -> Iterator[MetricRow]:
        """The counts, in the bucket of the latest end: what is added at once belongs to one moment."""
        at_s = int(self.last_ms / 1000) // bucket_s * bucket_s
        for name, step in self.steps.items():
            for what, bins in (
                (OK, step.good),
                (FAILED, step.bad),
                (RETRIED, step.again),
                (WAIT, step.waits),
            ):
                for number, count in bins.items():
                    yield MetricRow(at_s, name, what, number, count)
            for what, sum_us in (
                (OK_SUM, step.good_us),
                (FAILED_SUM, step.bad_us),
                (RETRIED_SUM, step.again_us),
            ):
                if sum_us:
                    yield MetricRow(at_s, name, what, 0, sum_us)


class Lineage:
    """Finds the steps at both ends of an edge: a child often ends before its parent does."""

    def __init__(self, *, remembered: int = _REMEMBERED) -> None:
        self._remembered = remembered
        self._names: dict[str, str] = {}
        self._older_names: dict[str, str] = {}
        self._waiting: dict[str, dict[Edge, list[float]]] = {}
        """Span that has not ended → the ways that lead from it, counted: it may have a million children."""

    def fold(self, spans: Sequence[SpanRecord], lone: Sequence[LoneSpans] = ()) -> Activity:
        """What these spans add; edges whose parent has not ended yet are added with it. `lone`: more of them.

        In the writer's thread, for every span of a busy node: written for speed.
        """
        activity = Activity(spans=len(spans))
        names, waiting, steps = self._names, self._waiting, activity.steps
        for record in spans:
            _, span_id, parent_id, name, kind, started_ms, us, wait_us, attempt, status, _, attributes = (
                record
            )
            if kind in PARTS:
                continue
            step = steps.get(name)
            if step is None:
                step = steps[name] = StepActivity()
            step.runs += 1
            if us < 16:
                number = us
            else:
                shift = us.bit_length() - 4
                number = (shift << 3) + (us >> shift)
            failed = status not in _GOOD
            if failed and tried_again(record):
                failed = False
                step.again_us += us
                bins = step.again
            elif failed:
                step.failures += 1
                step.bad_us += us
                bins = step.bad
            else:
                step.good_us += us
                bins = step.good
            bins[number] = bins.get(number, 0) + 1
            ended_ms = started_ms + us / 1000
            if ended_ms > step.last_ms:
                step.last_ms = ended_ms
            if kind != "http" and attempt == 1:
                number = bin_of(wait_us)
                step.waits[number] = step.waits.get(number, 0) + 1
            names[span_id] = name
            if waiting and span_id in waiting:
                for (_, topic, target), counted in waiting.pop(span_id).items():
                    _add_to_edge(activity.edges, (name, topic, target), *counted)
            if parent_id is not None:
                topic = attributes.get("topic", "") if attributes else ""
                parent = names.get(parent_id) or self._older_names.get(parent_id)
                if parent is not None:
                    _add_to_edge(activity.edges, (parent, topic, name), 1, failed, ended_ms)
                else:
                    edges = waiting.get(parent_id)
                    if edges is None:
                        edges = waiting[parent_id] = {}
                    _add_to_edge(edges, ("", topic, name), 1, failed, ended_ms)
        for group in lone:
            activity.spans += len(group.trace_ids)
            _add_lone(steps.setdefault(group.name, StepActivity()), group)
        self._forget()
        return activity

    def _forget(self) -> None:
        if len(self._names) > self._remembered:
            self._older_names, self._names = self._names, {}
        while len(self._waiting) > self._remembered:
            del self._waiting[next(iter(self._waiting))]


def _add_lone(step: StepActivity, group: LoneSpans) -> None:
    """Count spans that ended well and have nothing to do with any other: by their durations alone."""
    step.runs += len(group.trace_ids)
    step.good_us += sum(group.durations_us)
    for us, count in Counter(group.durations_us).items():
        number = bin_of(us)
        step.good[number] = step.good.get(number, 0) + count
    if group.kind != "http":
        step.waits[0] = step.waits.get(0, 0) + len(group.trace_ids)
    # They are recorded as they end.
    step.last_ms = max(step.last_ms, group.begins_ms[-1] + group.durations_us[-1] / 1000)


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


def _add_to_edge(
    edges: dict[Edge, list[float]], edge: Edge, runs: float, failures: float, last_ms: float
) -> None:
    found = edges.get(edge)
    if found is None:
        edges[edge] = [runs, failures, last_ms]
        return
    found[0] += runs
    found[1] += failures
    found[2] = max(found[2], last_ms)
