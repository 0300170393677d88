"""Peers: the same workflow of three steps on DBOS, on the same machine in the same run.

DBOS gets an environment of its own in `peers/.venv`, made and installed when it is first asked for.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile

from bench_workflow import alone, runs
from measure import Effort, Row, median
from processes import HERE, run_json

_PEERS = HERE / "peers"
_PYTHON = _PEERS / ".venv" / "bin" / "python"
_RUNS = 2_000
_PEER_RUNS = 400
_AT_ONCE = 100
"""As many runs are under way at once on either side: our default for a node."""
_ALONE = 50
_INSTALL_WITHIN_S = 600


def run(effort: Effort) -> list[Row]:
    _install()
    rounds = range(min(effort.rounds, 3))
    count, peer_count = effort.count(_RUNS, least=50), effort.count(_PEER_RUNS, least=_AT_ONCE)
    ours, peer = [], []
    for _ in rounds:
        ours.append(runs(count))
        peer.append(_dbos(peer_count))
    alone_ms, _ = alone(effort.count(_ALONE, least=3))
    name = "DBOS on SQLite"
    return [
        Row(
            "workflow of 3 steps",
            median(one["cpu_s"] / count * 1e6 for one in ours),
            "µs CPU",
            median(one["cpu_s"] / peer_count * 1e6 for one in peer),
            name,
        ),
        Row(
            "  runs per second",
            median(count / one["elapsed_s"] for one in ours),
            "/s",
            median(peer_count / one["elapsed_s"] for one in peer),
            name,
        ),
        Row("  alone p50", alone_ms, "ms", median(one["alone_p50_ms"] for one in peer), name),
    ]


def _install() -> None:
    """Failure: `RuntimeError` where the peers cannot be installed."""
    if _PYTHON.exists():
        return
    requirements = _PEERS / "requirements.txt"
    for command in (
        [sys.executable, "-m", "venv", str(_PEERS / ".venv")],
        [str(_PYTHON), "-m", "pip", "install", "-q", "-r", str(requirements)],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_INSTALL_WITHIN_S)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr[-2000:]}")


def _dbos(count: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="motia-bench-dbos-") as folder:
        command = [str(_PYTHON), str(_PEERS / "dbos_workflow.py"), folder, str(count), str(_AT_ONCE)]
        found: dict[str, float] = run_json(command)
    return found
