"""Router: cost of a match with 10,000 routes beside its cost with 10."""

from __future__ import annotations

import itertools
import time

from measure import Effort, Row, median

from motia.http.router import Route, Router

_MATCHES = 200_000
_PATHS = {"static": "/resource-{}/list", "one parameter": "/resource-{}/:id", "wildcard": "/files-{}/*rest"}
_ASKED = {"static": "/resource-{}/list", "one parameter": "/resource-{}/42", "wildcard": "/files-{}/a/b/c"}


def run(effort: Effort) -> list[Row]:
    small, large = _router(10), _router(10_000)
    matches = effort.count(_MATCHES, least=100)
    rows: list[Row] = []
    for kind, path in _ASKED.items():
        costs: dict[int, list[float]] = {10: [], 10_000: []}
        for _ in range(effort.rounds):
            costs[10].append(_match_us(small, path, 10, matches))
            costs[10_000].append(_match_us(large, path, 10_000, matches))
        at_10, at_10_000 = median(costs[10]), median(costs[10_000])
        what = f"match among 10,000, {kind}"
        rows.append(Row(what, at_10_000, "µs CPU", at_10, "among 10", "at most", 2.0))
    return rows


def _router(routes: int) -> Router[int]:
    """A third of the routes of each kind, and the rest static."""
    kinds = itertools.cycle(_PATHS)
    return Router.build(Route("GET", _PATHS[next(kinds)].format(number), number) for number in range(routes))


def _match_us(router: Router[int], path: str, routes: int, matches: int) -> float:
    """Over a sample of the routes of this kind, spread over all of them, as many in a small table."""
    offset = list(_ASKED.values()).index(path)
    numbers = range(offset, routes, 3)
    sample = [path.format(numbers[at * len(numbers) // 30]) for at in range(30)]
    for one in sample:
        assert router.match("GET", one) is not None
    match = router.match
    started_s = time.process_time()
    for _, one in zip(range(matches), itertools.cycle(sample), strict=False):
        match("GET", one)
    return (time.process_time() - started_s) / matches * 1e6
