"""Flow control: what each of its options costs a message from enqueue to settled, in the whole engine."""

from __future__ import annotations

from typing import Any

from measure import Effort, Row, median
from processes import bench_project, run_inside

_MESSAGES = 30_000
_PRODUCERS = 64
_AT_LEAST = 0.8
"""Of the messages a second that a plain queue settles."""
_LIMITS = {
    "key": "a limit per key",
    "rate": "a rate limit",
    "rate_key": "a rate limit per key",
    "both": "a limit per key and a rate",
}
"""What the target is about."""
_OTHERS = {
    "total": "a limit of the queue",
    "priority": "priority",
    "group": "groups (FIFO), 100 of them",
    "dedupe": "dedupe",
    "debounce": "debounce",
    "delay": "delay",
    "ttl": "ttl",
    "batch": "batches of 20",
    "block": "state and the next message in a block",
}


def run(effort: Effort) -> list[Row]:
    count = effort.count(_MESSAGES, least=_PRODUCERS)
    names = ("plain", *_LIMITS, *_OTHERS)
    rounds: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for _ in range(effort.rounds):
        # In turns: what disturbs the machine disturbs all of them.
        for name in names:
            rounds[name].append(_produce(name, count))
    rows = []
    plain_us, plain_rate = _cost_us(rounds["plain"], count), _rate(rounds["plain"], count)
    for name, what in (*_LIMITS.items(), *_OTHERS.items()):
        rows.append(Row(what, _cost_us(rounds[name], count), "µs CPU", plain_us, "plain"))
        if name in _LIMITS:
            rate = _rate(rounds[name], count)
            rows.append(Row("  messages per second", rate, "/s", plain_rate, "plain", "at least", _AT_LEAST))
    return rows


def _rate(runs: list[dict[str, Any]], count: int) -> float:
    return median(count / one["elapsed_s"] for one in runs)


def _cost_us(runs: list[dict[str, Any]], count: int) -> float:
    """The CPU of a message: what debounce, delay and batches wait is no cost."""
    return median(one["cpu_s"] / count * 1e6 for one in runs)


def _produce(name: str, count: int) -> dict[str, Any]:
    """What a fresh node needs for `count` messages, from the first enqueue to the last settlement."""
    call = {"topic": f"bench.{name}", "producers": _PRODUCERS}
    warm_up = {**call, "messages": max(_PRODUCERS, count // 10), "first": count}
    with bench_project() as project:
        order = {"step": "produce_to", "warm_up": warm_up, "input": {**call, "messages": count}}
        return run_inside(project, order)
