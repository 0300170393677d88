"""Long run: a node that has served a million requests, beside itself after ten thousand."""

from __future__ import annotations

from measure import Effort, Row, median
from processes import Server, bench_project, motia_serving

_SOON = 10_000
_LATE = 1_000_000
_WINDOW = 40_000


def run(effort: Effort) -> list[Row]:
    window, late = effort.count(_WINDOW, least=200), effort.count(_LATE, least=1000)
    with bench_project() as project, motia_serving(project) as server:
        served = effort.count(_SOON, least=200)
        server.load("GET", "/hello", served)
        soon_mb = server.largest_rss_bytes() / 1e6
        soon_us = _cost_us(server, window, effort.rounds)
        rest = late - served - window * (effort.rounds + 1)
        if rest > 0:
            server.load("GET", "/hello", rest)
        late_us = _cost_us(server, window, effort.rounds)
        late_mb = server.largest_rss_bytes() / 1e6
    what = f"after {late:,} requests"
    return [
        Row(f"GET {what}", late_us, "µs CPU", soon_us, f"after {served:,}", "at most", 1.10),
        Row(f"memory {what}", late_mb, "MB RSS", soon_mb, f"after {served:,}", "at most", 1.10),
    ]


def _cost_us(server: Server, window: int, rounds: int) -> float:
    return median(server.load("GET", "/hello", window) for _ in range(rounds))
