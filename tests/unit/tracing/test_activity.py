from __future__ import annotations

import random

import pytest

from motia.tracing.activity import Lineage, bin_of, middle_of, percentile, upper_of
from motia.tracing.record import SpanRecord
from motia.tracing.summary import fold


def test_a_bin_is_narrow_and_bins_are_in_order() -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    source = random.Random(seed)
    values = sorted({*range(200), *(int(2 ** source.uniform(0, 40)) for _ in range(2000))})
    bins = [bin_of(value) for value in values]
    assert bins == sorted(bins)
    for value, number in zip(values, bins, strict=True):
        assert value <= upper_of(number)
        assert middle_of(number) == pytest.approx(value, rel=1 / 15)
    assert bin_of(-5) == 0


def test_percentiles_of_counted_durations() -> None:
    bins = {bin_of(100): 90, bin_of(5000): 9, bin_of(90_000): 1}
    assert percentile(bins, 0.5) == middle_of(bin_of(100))
    assert percentile(bins, 0.95) == middle_of(bin_of(5000))
    assert percentile(bins, 1.0) == middle_of(bin_of(90_000))
    assert percentile({}, 0.5) == -1


def spans(first: int, last: int, parent: int | None = None) -> list[SpanRecord]:
    parent_id = None if parent is None else str(parent)
    return [
        SpanRecord("t", str(number), parent_id, f"s{number}", "queue", 0.0, 1)
        for number in range(first, last)
    ]


def test_what_is_remembered_of_lineage_is_bounded() -> None:
    lineage = Lineage(remembered=10)
    lineage.fold(spans(0, 100))
    lineage.fold(spans(100, 105))
    assert not lineage.fold(spans(200, 201, parent=999)).edges
    assert list(lineage.fold(spans(300, 301, parent=99)).edges) == [("s99", "", "s300")]
    lineage.fold([span for number in range(1000, 1050) for span in spans(number, number + 1, number + 5000)])
    assert len(lineage._waiting) <= 10
    assert len(lineage._names) <= 100


def test_many_children_of_a_span_that_has_not_ended_are_counted_and_not_remembered() -> None:
    lineage = Lineage()
    for start in range(0, 50_000, 1_000):
        children = spans(start, start + 1_000, parent=99_999)
        lineage.fold([child._replace(name=f"s{at % 2}") for at, child in enumerate(children)])
    assert [len(edges) for edges in lineage._waiting.values()] == [2]
    found = lineage.fold(spans(99_999, 100_000)).edges
    assert {edge: counts[:2] for edge, counts in found.items()} == {
        ("s99999", "", "s0"): [25_000, 0],
        ("s99999", "", "s1"): [25_000, 0],
    }


def test_calls_of_models_and_tools_are_no_runs_of_steps_and_do_not_fail_a_trace() -> None:
    step = SpanRecord("t", "1", None, "answer", "queue", 0.0, 9)
    model = SpanRecord("t", "2", "1", "chat m", "model", 1.0, 5, status="error", error={"message": "busy"})
    activity = Lineage().fold([model, step])
    assert (list(activity.steps), dict(activity.edges)) == (["answer"], {})
    delta = fold([model, step], [], 1000, {})["t"]
    assert (delta.name, delta.steps, delta.failures, delta.spans) == ("answer", ("answer",), 0, 2)
    assert delta.error is None
