"""Streams: one set told to a thousand subscribers, its latency, and what idle subscribers and groups cost."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from measure import Effort, Row, median
from processes import APPS, HERE, Server, bench_project, free_port, motia_serving, run_json, serving

_SUBSCRIBERS = 1000
_WRITES = 200
_IDLE = 2000
_GROUPS = 5000
_FILES = "[limits]\nconnections = 20000\n"


def run(effort: Effort) -> list[Row]:
    """Rows for all of it. Failure: `RuntimeError` when a server does not answer."""
    with ExitStack() as stack:
        enter = stack.enter_context
        ours = enter(motia_serving(enter(bench_project(toml=_FILES))))
        port = free_port()
        command = [sys.executable, str(APPS / "bare_websockets.py"), str(port)]
        bare = enter(serving(command, port=port, first="/hello"))
        writes = effort.count(_WRITES, least=20)
        rates: dict[str, list[float]] = {"ours": [], "bare": []}
        for _ in range(effort.rounds):
            for name, server, options in (("ours", ours, ()), ("bare", bare, ("bare",))):
                found = _subscribers("fanout", server, _SUBSCRIBERS, writes, *options)
                rates[name].append(found["messages_per_s"])
        rows = [
            Row(
                f"set → {_SUBSCRIBERS} sockets",
                median(rates["ours"]),
                "messages/s",
                median(rates["bare"]),
                "bare broadcast",
                "at least",
                1.5,
            ),
        ]
        latency = _subscribers("latency", ours, effort.count(200, least=40))
        rows.append(
            Row("set → one client, p50", latency["p50_ms"], "ms", judge="at most", target=3, by="ours")
        )
        rows.append(Row("set → one client, p99", latency["p99_ms"], "ms"))
        before_us = _write_cost_us(ours, effort)
        before_bytes = ours.largest_rss_bytes()
        with _idle(ours, _IDLE):
            grown = (ours.largest_rss_bytes() - before_bytes) / 2**20
            rows.append(Row(f"{_IDLE} idle sockets", grown, "MB", judge="at most", target=60, by="ours"))
        with _idle(ours, 1, _GROUPS):
            cost_us = _write_cost_us(ours, effort)
            what = f"a set beside {_GROUPS} groups that are followed"
            rows.append(Row(what, cost_us, "µs CPU", before_us, "without them", "at most", 1.1))
        return rows


def _subscribers(kind: str, server: Server, *arguments: object) -> dict[str, float]:
    return run_json(
        [sys.executable, str(HERE / "subscribers.py"), kind, str(server.port), *map(str, arguments)]
    )


def _write_cost_us(server: Server, effort: Effort) -> float:
    """CPU of one set that nobody is told of."""
    return median([_subscribers_cost_us(server, effort.count(100, least=20)) for _ in range(effort.rounds)])


def _subscribers_cost_us(server: Server, writes: int) -> float:
    before_s = server.cpu_s()
    _subscribers("latency", server, writes)
    return (server.cpu_s() - before_s) / writes * 1e6


@contextmanager
def _idle(server: Server, count: int, groups: int = 0) -> Iterator[None]:
    command = [
        sys.executable,
        str(HERE / "subscribers.py"),
        "idle",
        str(server.port),
        str(count),
        str(groups),
    ]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        if not process.stdout.readline():
            raise RuntimeError("the subscribers could not connect")
        yield
    finally:
        process.stdin.close()
        process.wait(30)
        process.stdout.close()
