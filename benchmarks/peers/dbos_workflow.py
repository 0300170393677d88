"""The workflow of `apps/motia_bench` on DBOS and SQLite: `dbos_workflow.py FOLDER RUNS AT_ONCE`.

Runs in an environment of its own, which has `dbos` and nothing of ours. Prints one JSON object: the time of
RUNS runs with AT_ONCE of them under way, their CPU, and the median time of one alone.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from pathlib import Path

from dbos import DBOS, DBOSConfig

_ALONE = 20


@DBOS.step()
async def one() -> int:
    return 1


@DBOS.step()
async def two() -> int:
    return 1


@DBOS.step()
async def three() -> int:
    return 1


@DBOS.workflow()
async def three_steps() -> None:
    await one()
    await two()
    await three()


async def run_many(runs: int, at_once: int) -> None:
    """Each of `at_once` tasks begins its next run when the last has ended."""

    async def some(count: int) -> None:
        for _ in range(count):
            handle = await DBOS.start_workflow_async(three_steps)
            await handle.get_result()

    await asyncio.gather(*(some(runs // at_once) for _ in range(at_once)))


async def alone_ms() -> float:
    started_s = time.perf_counter()
    await three_steps()
    return (time.perf_counter() - started_s) * 1e3


async def measure(runs: int, at_once: int) -> dict[str, float]:
    await run_many(at_once * 2, at_once)
    cpu_before_s, started_s = time.process_time(), time.perf_counter()
    await run_many(runs, at_once)
    elapsed_s, cpu_s = time.perf_counter() - started_s, time.process_time() - cpu_before_s
    alone = [await alone_ms() for _ in range(_ALONE)]
    return {"elapsed_s": elapsed_s, "cpu_s": cpu_s, "alone_p50_ms": statistics.median(alone)}


def main(folder: Path, runs: int, at_once: int) -> None:
    config: DBOSConfig = {
        "name": "peer",
        "system_database_url": f"sqlite:///{folder / 'dbos.sqlite'}",
        "log_level": "ERROR",
        "run_admin_server": False,
    }
    DBOS(config=config)
    DBOS.launch()
    found = asyncio.run(measure(runs, at_once))
    print(json.dumps(found), flush=True)
    DBOS.destroy()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
