"""Steps of other languages: a call from the node into a worker and back, against a bare Node process; and a
request to a TypeScript step, against the same step in Python."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from measure import Effort, Row, median
from processes import bench_project, motia_serving, run_load

_COUNT = 50_000
_REQUESTS = 10_000
_HTTP_STEP = """export const config = {
  name: 'Hello from TypeScript',
  triggers: [{ type: 'http', method: 'GET', path: '/hello-ts' }],
  enqueues: [],
}
export const handler = async () => ({ status: 200, body: { message: 'Hello' } })
"""
_PROGRAMS = {"typescript": "node", "ruby": "ruby", "go": "go"}
_INSIDE = Path(__file__).parent / "inside_worker.py"


def run(effort: Effort) -> list[Row]:
    count = effort.count(_COUNT)
    languages = [language for language, program in _PROGRAMS.items() if shutil.which(program)]
    runs: dict[str, list[dict[str, float]]] = {language: [] for language in ("bare", *languages)}
    for _ in range(effort.rounds):
        # In turn, so that each meets the same weather.
        for language, found in runs.items():
            found.append(_measured(language, count))
    bare = runs["bare"]
    rows: list[Row] = _requests(effort) if "typescript" in languages else []
    for language in languages:
        found = runs[language]
        name = "bare Node" if language == "typescript" else ""
        p50, bare_p50 = (median(one["p50_ms"] for one in part) for part in (found, bare))
        rate, bare_rate = (median(one["per_s"] for one in part) for part in (found, bare))
        if name:
            # 0.08 ms and 40,000/s where the bare process takes 14 µs and does 138,000/s.
            lap = Row("typescript: one call after the other, p50", p50, "ms", bare_p50, name, "at most", 5.7)
            rush = Row("typescript: 64 at once", rate, "/s", bare_rate, name, "at least", 0.29)
        else:
            lap = Row(f"{language}: one call after the other, p50", p50, "ms")
            rush = Row(f"{language}: 64 at once", rate, "/s")
        rows += [
            lap,
            rush,
            Row("  node's CPU a call", median(one["cpu_us"] for one in found), "µs CPU"),
        ]
    return rows


def _requests(effort: Effort) -> list[Row]:
    with bench_project() as project:
        (project / "steps" / "hello.step.ts").write_text(_HTTP_STEP)
        with motia_serving(project, first="/hello-ts") as server:
            rates: dict[str, list[float]] = {"/hello-ts": [], "/hello": []}
            costs: dict[str, list[float]] = {"/hello-ts": [], "/hello": []}
            requests = effort.count(_REQUESTS, least=100)
            for _ in range(effort.rounds + 1):
                for path in rates:
                    before_s = server.cpu_s()
                    rates[path].append(requests / run_load(server.port, "GET", path, requests)["elapsed_s"])
                    costs[path].append((server.cpu_s() - before_s) / requests * 1e6)
    # The first of each warms up.
    ours, python = (median(found[1:]) for found in rates.values())
    ours_us, python_us = (median(found[1:]) for found in costs.values())
    return [
        Row("typescript: GET", ours, "/s", python, "Python step", "at least", 0.6),
        Row("  CPU of node and worker", ours_us, "µs CPU", python_us, "Python step"),
    ]


def _measured(language: str, count: int) -> dict[str, float]:
    command = [sys.executable, str(_INSIDE), language, str(count)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        raise RuntimeError(f"{language}: {done.stderr[-500:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found
