"""Tracing: what recording every execution costs an HTTP request and a message."""

from __future__ import annotations

from contextlib import ExitStack

from bench_queue import produce
from measure import Effort, Row, median
from processes import bench_project, motia_serving, run_load

_ON = ""
_OFF = "[tracing]\nenabled = false\n"
_REQUESTS = 40_000
_MESSAGES = 60_000


def run(effort: Effort) -> list[Row]:
    requests, messages = effort.count(_REQUESTS, least=200), effort.count(_MESSAGES, least=64)
    gets, sent = _Both(), _Both()
    with ExitStack() as stack:
        enter = stack.enter_context
        servers = {toml: enter(motia_serving(enter(bench_project(toml=toml)))) for toml in (_ON, _OFF)}
        for server in servers.values():
            server.load("GET", "/hello", max(100, requests // 10))
        for _ in range(effort.rounds):
            for toml, server in servers.items():
                before_s = server.cpu_s()
                elapsed_s = run_load(server.port, "GET", "/hello", requests)["elapsed_s"]
                gets.add(toml, requests, server.cpu_s() - before_s, elapsed_s)
    for _ in range(effort.rounds):
        for toml in (_ON, _OFF):
            found = produce(messages, toml=toml)
            sent.add(toml, messages, found["cpu_s"], found["elapsed_s"])
    return [
        *gets.rows("GET, traced", "  requests per second", at_least=0.90),
        *sent.rows("message, traced", "  messages per second", at_least=0.85),
    ]


class _Both:
    """What was measured with tracing and without."""

    def __init__(self) -> None:
        self._costs_us: dict[str, list[float]] = {_ON: [], _OFF: []}
        self._rates: dict[str, list[float]] = {_ON: [], _OFF: []}

    def add(self, toml: str, count: int, cpu_s: float, elapsed_s: float) -> None:
        self._costs_us[toml].append(cpu_s / count * 1e6)
        self._rates[toml].append(count / elapsed_s)

    def rows(self, cost: str, rate: str, *, at_least: float) -> list[Row]:
        costs_us, rates = self._costs_us, self._rates
        return [
            Row(cost, median(costs_us[_ON]), "µs CPU", median(costs_us[_OFF]), "untraced"),
            Row(rate, median(rates[_ON]), "/s", median(rates[_OFF]), "untraced", "at least", at_least),
        ]
