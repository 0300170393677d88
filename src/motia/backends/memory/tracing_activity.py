"""What ran, counted, in memory: the answers of the file, for a day. The caller holds the lock."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from motia.tracing.activity import EdgeCount, Lineage, MetricRow, StepCount
from motia.tracing.record import SpanRecord
from motia.tracing.store import BatchNote, DepthSample, Feed

BUCKET_S = 10
_KEPT_NOTES = 5_000
_HOUR_S = 3600
_KEPT_S = 24 * _HOUR_S
_MOST_COUNTS = 200_000


class MemoryActivity:
    """Counts of batches as they come."""

    def __init__(self) -> None:
        self._lineage = Lineage()
        self._notes: deque[BatchNote] = deque(maxlen=_KEPT_NOTES)
        self._seq = 0
        self._counts: dict[tuple[int, str, int, int], int] = {}
        self._ways: dict[tuple[int, str, str, str], tuple[float, float, float]] = {}
        self._depths: dict[tuple[int, str, str], DepthSample] = {}

    def add(self, spans: Sequence[SpanRecord], positions: Sequence[int]) -> None:
        activity = self._lineage.fold(spans)
        for at_s, step, what, number, n in activity.rows(BUCKET_S):
            key = (at_s, step, what, number)
            self._counts[key] = self._counts.get(key, 0) + n
        while len(self._counts) > _MOST_COUNTS:
            del self._counts[next(iter(self._counts))]
        ways = (
            *(
                (("", "", step), (found.runs, found.failures, found.last_ms))
                for step, found in activity.steps.items()
            ),
            *activity.edges.items(),
        )
        for (source, topic, target), (runs, failures, last_ms) in ways:
            way = (int(last_ms / 1000) // _HOUR_S, source, topic, target)
            before = self._ways.get(way, (0, 0, 0.0))
            self._ways[way] = (before[0] + runs, before[1] + failures, max(before[2], last_ms))
        if positions or activity.steps:
            self._seq += 1
            self._notes.append(
                BatchNote(
                    traces=positions,
                    steps={step: (found.runs, found.failures) for step, found in activity.steps.items()},
                    edges=[(*edge, int(found[0]), int(found[1])) for edge, found in activity.edges.items()],
                )
            )

    def feed(self, after: int | None, limit: int) -> Feed:
        if after is None:
            return Feed(position=self._seq)
        first = self._seq - len(self._notes)
        if after > self._seq or after < first:
            return Feed(position=self._seq, lost=True)
        notes = list(self._notes)[after - first :][:limit]
        return Feed(position=after + len(notes), notes=notes)

    def metrics(self, since_s: int, until_s: int | None, step: str | None) -> list[MetricRow]:
        return [
            MetricRow(*key, n)
            for key, n in self._counts.items()
            if key[0] >= since_s and (until_s is None or key[0] < until_s) and step in (None, key[1])
        ]

    def edges(self, since_ms: float) -> list[EdgeCount]:
        found = self._since(since_ms)
        return [
            EdgeCount(*way, int(runs), int(failures), last_ms)
            for way, (runs, failures, last_ms) in found.items()
            if way[0]
        ]

    def runs(self, since_ms: float) -> list[StepCount]:
        found = self._since(since_ms)
        return [
            StepCount(way[2], int(runs), int(failures), last_ms)
            for way, (runs, failures, last_ms) in found.items()
            if not way[0]
        ]

    def add_depths(self, samples: Sequence[DepthSample]) -> None:
        for sample in samples:
            known = self._depths.get(sample[:3], sample)
            self._depths[sample[:3]] = DepthSample(
                *sample[:3], max(known.depth, sample.depth), max(known.age_ms, sample.age_ms)
            )
            oldest_s = sample.at_s - _KEPT_S
        if samples:
            self._depths = {key: kept for key, kept in self._depths.items() if kept.at_s >= oldest_s}

    def depths(self, since_s: int) -> list[DepthSample]:
        return [sample for sample in self._depths.values() if sample.at_s >= since_s]

    def _since(self, since_ms: float) -> dict[tuple[str, str, str], tuple[float, float, float]]:
        first_hour = int(since_ms / 1000) // _HOUR_S
        found: dict[tuple[str, str, str], tuple[float, float, float]] = {}
        for (hour, *way), (runs, failures, last_ms) in self._ways.items():
            if hour >= first_hour:
                before = found.get(tuple(way), (0, 0, 0.0))  # type: ignore[arg-type]  # three names
                found[way[0], way[1], way[2]] = (
                    before[0] + runs,
                    before[1] + failures,
                    max(before[2], last_ms),
                )
        return found
