"""Tracing: what recording every execution costs an HTTP request and a message."""

from __future__ import annotations

from contextlib import ExitStack

from bench_queue import produce
from measure import Effort, Row, median
from processes import bench_project, motia_serving

_OFF = "[tracing]\nenabled = false\n"
_REQUESTS = 40_000
_MESSAGES = 60_000


def run(effort: Effort) -> list[Row]:
    requests, messages = effort.count(_REQUESTS, least=200), effort.count(_MESSAGES, least=64)
    gets: dict[str, list[float]] = {"": [], _OFF: []}
    sent: dict[str, list[float]] = {"": [], _OFF: []}
    rates: dict[str, list[float]] = {"": [], _OFF: []}
    with ExitStack() as stack:
        enter = stack.enter_context
        servers = {toml: enter(motia_serving(enter(bench_project(toml=toml)))) for toml in gets}
        for server in servers.values():
            server.load("GET", "/hello", max(100, requests // 10))
        for _ in range(effort.rounds):
            for toml, server in servers.items():
                gets[toml].append(server.load("GET", "/hello", requests))
    for _ in range(effort.rounds):
        for toml, costs in sent.items():
            found = produce(messages, toml=toml)
            costs.append(found["cpu_s"] / messages * 1e6)
            rates[toml].append(messages / found["elapsed_s"])
    return [
        Row("GET, traced", median(gets[""]), "µs CPU", median(gets[_OFF]), "untraced", "at most", 1.10),
        Row("message, traced", median(sent[""]), "µs CPU", median(sent[_OFF]), "untraced"),
        Row(
            "  messages per second",
            median(rates[""]),
            "/s",
            median(rates[_OFF]),
            "untraced",
            "at least",
            0.85,
        ),
    ]
