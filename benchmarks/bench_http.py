"""HTTP: CPU of a GET and a validated POST, beside the bare floor and beside FastAPI."""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

from measure import Effort, Row, median
from processes import APPS, Server, bench_project, free_port, motia_serving, serving

_REQUESTS = 40_000
_AT_MOST_BARE = 1.45
_ROUTES = {"GET": ("/hello", 3.0), "POST": ("/orders", 4.0)}


def run(effort: Effort) -> list[Row]:
    """Rows for both methods. Failure: `RuntimeError` when a server does not answer, or FastAPI is missing."""
    if importlib.util.find_spec("fastapi") is None:
        raise RuntimeError("fastapi is not installed: pip install -r benchmarks/requirements.txt")
    with ExitStack() as stack:
        enter = stack.enter_context
        servers = {
            "ours": enter(motia_serving(enter(bench_project()))),
            "bare": enter(_serving("bare.py", "/")),
            "fastapi": enter(_serving("fastapi_app.py", "/hello")),
        }
        body = Path(enter(tempfile.TemporaryDirectory())) / "order.json"
        body.write_bytes(_order())
        rows: list[Row] = []
        for method, (path, gain) in _ROUTES.items():
            asked = {name: (server, path) for name, server in servers.items()}
            if method == "POST":
                asked["validated"] = (servers["bare"], "/validated")
                asked["declared"] = (servers["fastapi"], "/declared")
            cost_us = _costs_us(asked, method, body if method == "POST" else None, effort)
            ours, what = cost_us["ours"], f"{method} {path}"
            rows += [
                Row(what, ours, "µs CPU", cost_us["bare"], "bare", "at most", _AT_MOST_BARE),
                Row(what, ours, "µs CPU", cost_us["fastapi"], "FastAPI", "at least", gain, by="gain"),
            ]
            if method == "POST":
                rows += [
                    Row(what, ours, "µs CPU", cost_us["declared"], "FastAPI, declared", by="gain"),
                    Row(what, ours, "µs CPU", cost_us["validated"], "bare and Pydantic"),
                ]
        return rows


def _costs_us(
    asked: dict[str, tuple[Server, str]], method: str, body: Path | None, effort: Effort
) -> dict[str, float]:
    """Medians, the servers taking turns so that what disturbs the machine disturbs all of them."""
    found: dict[str, list[float]] = {name: [] for name in asked}
    for server, path in asked.values():
        server.load(method, path, effort.count(_REQUESTS // 10, least=100), body=body)
    for _ in range(effort.rounds):
        for name, (server, path) in asked.items():
            found[name].append(server.load(method, path, effort.count(_REQUESTS, least=100), body=body))
    return {name: median(costs) for name, costs in found.items()}


def _serving(app: str, first: str) -> AbstractContextManager[Server]:
    port = free_port()
    return serving([sys.executable, str(APPS / app), str(port)], port=port, first=first)


def _order() -> bytes:
    sys.path.insert(0, str(APPS))
    body: bytes = importlib.import_module("orders").BODY
    return body
