"""What a benchmark gives back, how much work it does, and what it reads of the kernel about a process."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured: `factor` of the usual counts, `rounds` of each for the median."""

    factor: float = 1.0
    rounds: int = 5

    def count(self, usual: int, *, least: int = 1) -> int:
        """The usual number, scaled."""
        return max(least, round(usual * self.factor))


FULL = Effort()
QUICK = Effort(factor=0.2, rounds=3)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `judged` is what `target` bounds."""

    what: str
    ours: float
    unit: str
    baseline: float | None = None
    baseline_name: str = ""
    judge: Literal["at most", "at least", ""] = ""
    target: float = 0.0
    by: Literal["ratio", "gain", "ours"] = "ratio"
    """What the target bounds: ours ÷ baseline, baseline ÷ ours, or our own figure."""

    @property
    def ratio(self) -> float | None:
        """Ours ÷ baseline."""
        return None if not self.baseline else self.ours / self.baseline

    @property
    def judged(self) -> float | None:
        """The figure that the target is about."""
        if self.by == "ours":
            return self.ours
        if self.ratio is None:
            return None
        return self.ratio if self.by == "ratio" else 1 / self.ratio

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without one."""
        if not self.judge or self.judged is None:
            return None
        return self.judged <= self.target if self.judge == "at most" else self.judged >= self.target


def interpreter_ns() -> float:
    """CPU time of one turn of a plain Python loop: how fast this machine and this build of Python are."""
    turns = 300_000
    started_s = time.process_time()
    sum(number * number for number in range(turns))
    return (time.process_time() - started_s) / turns * 1e9


def median(values: Iterable[float]) -> float:
    return statistics.median(values)


def cpu_s(pids: Iterable[int]) -> float:
    """User and system time that the living threads and ended threads of these processes have used."""
    ticks = 0
    for pid in pids:
        # The name, which may hold spaces, ends at the last parenthesis; utime and stime are fields 14 and 15.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / _TICKS_PER_S


def rss_bytes(pid: int) -> int:
    """Memory of a process that is in RAM."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise ProcessLookupError(pid)


def descendants(pid: int) -> list[int]:
    """A process and everything it started that still runs."""
    found = [pid]
    for thread in Path(f"/proc/{pid}/task").iterdir():
        for child in (thread / "children").read_text().split():
            found += descendants(int(child))
    return found
