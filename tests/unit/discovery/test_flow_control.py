"""Flow control in all its spellings."""

from __future__ import annotations

from typing import Any

import pytest

from motia.core.flow import Batching, Debounce, Dedupe, KeyedConcurrency, RateLimit
from motia.core.trigger import QueuePolicy
from motia.discovery.policy import flattened, read_policy
from motia.discovery.section import Report, Section, read_section
from motia.discovery.triggers import KEYS_OF_KIND, TRIGGER_ALIASES
from motia.runtimes.protocol import Definition


def read(config: dict[str, Any]) -> tuple[QueuePolicy, Report]:
    report = Report(Definition(kind="step", path="a_step.py", line=1, language="python", config=config))
    known = KEYS_OF_KIND["queue"] | {"config", "infrastructure"}
    section: Section = read_section(config, "config", report, aliases=TRIGGER_ALIASES, known=known)
    return read_policy(flattened(section)), report


@pytest.mark.parametrize(
    ("config", "field", "expected"),
    [
        ({"concurrency": 3}, "concurrency", 3),
        ({"concurrency": {"limit": 3}}, "concurrency", 3),
        ({"concurrency": {"limit": 1, "key": "u"}}, "concurrency_by_key", KeyedConcurrency(limit=1, key="u")),
        ({"concurrency": {"limit": 1, "key": "u", "total": 9}}, "concurrency", 9),
        ({"rate_limit": "100/minute"}, "rate_limit", RateLimit(limit=100, period_s=60)),
        ({"rateLimit": "5 per 10s"}, "rate_limit", RateLimit(limit=5, period_s=10)),
        ({"rate": {"limit": 5, "period": "hour"}}, "rate_limit", RateLimit(limit=5, period_s=3600)),
        (
            {"throttle": {"max": 2, "duration": 1, "key": "a.b"}},
            "rate_limit",
            RateLimit(limit=2, period_s=1, key="a.b"),
        ),
        ({"priority": 7}, "priority", 7),
        ({"priorityField": "level"}, "priority", "level"),
        ({"dedupe": True}, "dedupe", Dedupe(window_s=86_400)),
        ({"dedupe": "order"}, "dedupe", Dedupe(window_s=86_400, key="order")),
        ({"dedupe": {"key": "order", "window": "1h"}}, "dedupe", Dedupe(window_s=3600, key="order")),
        ({"debounce": "5s"}, "debounce", Debounce(period_s=5)),
        (
            {"debounce": {"period": 5, "key": "id", "max": "1m"}},
            "debounce",
            Debounce(period_s=5, key="id", max_wait_s=60),
        ),
        ({"batch": 10}, "batch", Batching(size=10)),
        ({"batch": {"size": 10, "timeout": "3s"}}, "batch", Batching(size=10, wait_s=3)),
        ({"ttl": "5m"}, "ttl_s", 300),
        ({"config": {"rateLimit": "1/s", "maxRetries": 2}}, "rate_limit", RateLimit(limit=1, period_s=1)),
        ({"infrastructure": {"queue": {"type": "fifo", "maxRetries": 2}}}, "fifo", True),
        ({"infrastructure": {"queue": {"priority": 3}}}, "priority", 3),
        ({"retry": {"$function": "f"}}, "retry_function", "f"),
    ],
)
def test_a_spelling_means(config: dict[str, Any], field: str, expected: Any) -> None:
    policy, report = read(config)
    assert not report.problems
    assert not report.notices
    assert getattr(policy, field) == expected


@pytest.mark.parametrize(
    "config",
    [
        {"concurrency": 0},
        {"concurrency": {"key": "u"}},
        {"rate_limit": "often"},
        {"rate_limit": "0/s"},
        {"rate_limit": {"limit": 1}},
        {"rate_limit": 5},
        {"priority": 1.5},
        {"dedupe": 5},
        {"debounce": {"key": "id"}},
        {"debounce": "5s", "fifo": True},
        {"batch": 0},
        {"batch": {"wait": 1}},
        {"ttl": "soon"},
    ],
    ids=str,
)
def test_what_makes_no_sense_is_a_problem(config: dict[str, Any]) -> None:
    _, report = read(config)
    assert len(report.problems) == 1
    assert "expected" in report.problems[0].message


@pytest.mark.parametrize(
    "config",
    [
        {"concurrency": {"limit": 1, "key": {"$function": "f"}}},
        {"rate_limit": {"limit": 1, "period": "1s", "key": 7}},
        {"dedupe": {"key": ""}},
    ],
    ids=str,
)
def test_a_key_is_a_field_of_the_payload(config: dict[str, Any]) -> None:
    _, report = read(config)
    assert [
        'key: expected a field of the payload, such as "user.id"' in one.message for one in report.problems
    ] == [True]


@pytest.mark.parametrize(
    "config",
    [
        {"retries": {"$function": "a_step.py#f"}},
        {"rate_limit": {"limit": 1, "period": "1s", "key": {"$function": "a_step.py#f"}}},
    ],
)
def test_a_function_where_none_belongs_is_called_one(config: dict[str, Any]) -> None:
    _, report = read(config)
    (problem,) = report.problems
    assert problem.message.endswith(", got a function")


@pytest.mark.parametrize("value", [1.5, 2**31, True, " ", float("nan"), 10**400])
def test_a_priority_is_a_number_or_a_field(value: object) -> None:
    _, report = read({"priority": value})
    (problem,) = report.problems
    assert "priority: expected a whole number, or the field of the payload that holds one" in problem.message


def test_an_unknown_key_of_a_part_is_named_with_the_nearest() -> None:
    policy, report = read({"rate_limit": {"limit": 1, "period": 1, "keys": "a"}})
    assert policy.rate_limit == RateLimit(limit=1, period_s=1)
    assert [notice.hint for notice in report.notices] == ["did you mean 'key'?"]
