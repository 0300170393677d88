"""Thousands of seeded runs of the whole engine on a virtual clock, with faults between any two instants."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from simulation import simulate

_KEPT = Path(__file__).parent / "seeds.txt"
"""Seeds that failed once. They are run for ever."""
_SEEDS = int(os.environ.get("PROOF_SEEDS", "2000"))
_SHAPES = (
    *("completed", "dead", "dead of crashes", "cancelled", "expired", "replaced", "duplicate", "retried"),
    *("killed", "suspect", "dies before a commit", "dies after a commit", "storage refuses"),
    *("storage answers for nothing", "enqueue", "hang", "pause", "move", "drain", "join", "jump"),
    *("run completed", "run failed", "run cancelled", "undone", "suspended", "signal came", "call answered"),
    *("workflow.wait_timed_out", "workflow.call_failed", "entry sleep waiting", "entry undo done"),
)


def prove(seeds: list[int]) -> Counter[str]:
    """Run the seeds; what they did together. Fails with the first that breaks a promise."""
    shapes: Counter[str] = Counter()
    for seed in seeds:
        history = asyncio.run(simulate(seed))
        assert not history.wrong, f"seed {seed}: {history.wrong[:5]}"
        shapes += history.shapes
    return shapes


def test_kept_seeds() -> None:
    prove([int(line) for line in _KEPT.read_text().split()])


def test_some_seeds() -> None:
    prove(list(range(40)))


@pytest.mark.proof
@pytest.mark.timeout(400 + _SEEDS)
@pytest.mark.parametrize("part", range(4))
def test_many_seeds(part: int) -> None:
    count = _SEEDS // 4
    # The same in every run, so that a red one is due to the change; other numbers look further.
    first = int(os.environ.get("PROOF_FIRST_SEED", "0")) + part * count
    print(f"part {part}: {count} seeds from {first}")
    shapes = prove(list(range(first, first + count)))
    print(dict(shapes))
    # A run that never does something proves nothing of it.
    assert [shape for shape in _SHAPES if not shapes[shape]] == []
