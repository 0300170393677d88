"""Runs the benchmarks and prints one table: `python benchmarks/run.py [names…] [--quick]`.

Exit code: 0 when every target is met, 1 when one is missed, 2 when something could not be measured.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import report
from measure import FULL, QUICK, Effort

NAMES = (
    "router",
    "http",
    "queue",
    "workflow",
    "agent",
    "sleepers",
    "state",
    "tracing",
    "worker",
    "streams",
    "start",
    "longrun",
    "backlog",
    "flow",
)
ON_DEMAND = ("peers",)
"""Those that install something first run only when they are named."""
RESULTS = Path(__file__).parent / "results"


def run(names: Sequence[str], effort: Effort, *, results: Path = RESULTS) -> int:
    """Measure, print and keep; the exit code."""
    print(report.heading(), flush=True)
    missed = failed = False
    for name in names:
        try:
            rows = import_module(f"bench_{name}").run(effort)
        except (RuntimeError, OSError) as error:
            print(f"{name}: could not be measured: {error}", file=sys.stderr)
            failed = True
            continue
        for row in rows:
            print(report.line(row), flush=True)
        missed = missed or any(row.met is False for row in rows)
        report.write(results, name, rows, quick=effort is not FULL)
    return 2 if failed else int(missed)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks/run.py", description=__doc__)
    known = (*NAMES, *ON_DEMAND)
    parser.add_argument(
        "names",
        nargs="*",
        metavar="name",
        help=f"out of {', '.join(known)}; default: all but {', '.join(ON_DEMAND)}",
    )
    parser.add_argument("--quick", action="store_true", help="a fifth of the work: a first impression")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in known]
    if unknown:
        parser.error(f"expected names out of {', '.join(known)}, got {', '.join(unknown)}")
    return run(options.names or NAMES, QUICK if options.quick else FULL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
