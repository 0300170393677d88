"""How a queue hands out its messages, read from all the places where it may be written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from motia.core.retry import RetryPolicy
from motia.core.spelling import did_you_mean
from motia.core.trigger import OwnProcess, QueuePolicy
from motia.discovery.flow_control import (
    read_batch,
    read_concurrency,
    read_debounce,
    read_dedupe,
    read_priority,
    read_rate_limit,
)
from motia.discovery.section import Entry, Report, Section, function_id
from motia.discovery.values import shown, size_bytes, snake

POLICY_ALIASES = {
    "max_attempts": "attempts",
    "max_retries": "retries",
    "timeout_s": "timeout",
    "timeout_seconds": "timeout",
    "handler_timeout": "timeout",
    "delay_s": "delay",
    "delay_seconds": "delay",
    "group_key": "group_by",
    "message_group_id": "group_by",
    "backoff_type": "backoff",
    "backoff_delay": "retry_delay",
    "retry_delay_s": "retry_delay",
    "max_delay_s": "max_delay",
    "max_retry_delay": "max_delay",
    "message_group_field": "group_by",
    "backoff_ms": "backoff_delay_ms",
    "priority_field": "priority",
    "rate": "rate_limit",
    "throttle": "rate_limit",
    "dedup": "dedupe",
    "deduplicate": "dedupe",
    "unique": "dedupe",
    "expires": "ttl",
    "expires_after": "ttl",
    "ttl_s": "ttl",
    "ttl_seconds": "ttl",
    "batch_size": "batch",
    "on_error": "on_failure",
    "on_dead": "on_failure",
    "memory_limit": "memory",
    "memory_bytes": "memory",
}
POLICY_KEYS = frozenset(
    {
        "concurrency",
        "attempts",
        "retries",
        "retry",
        "timeout",
        "timeout_ms",
        "delay",
        "delay_ms",
        "fifo",
        "group_by",
        "backoff",
        "retry_delay",
        "backoff_delay_ms",
        "max_delay",
        "jitter",
        "visibility_timeout",
        "max_priority",
        "poll_interval_ms",
        "rate_limit",
        "priority",
        "dedupe",
        "debounce",
        "batch",
        "ttl",
        "ttl_ms",
        "on_failure",
        "execution",
        "memory",
    }
)
_LEAST_MEMORY_BYTES = 16 * 1024 * 1024
CONTAINERS = frozenset({"config", "infrastructure"})
_HANDLER_KEYS = {"timeout": "timeout", "timeout_s": "timeout", "ram": None, "cpu": None}
"""Memory and CPU were hints to a cloud: accepted, without a meaning here."""
_RETRY_KEYS = {
    "attempts": "attempts",
    "max_attempts": "attempts",
    "retries": "retries",
    "max_retries": "retries",
    "delay": "retry_delay",
    "delay_s": "retry_delay",
    "max_delay": "max_delay",
    "max_delay_s": "max_delay",
    "backoff": "backoff",
    "jitter": "jitter",
}


_WITHOUT_EFFECT = {
    "visibility_timeout": (
        "a message stays with its node while that lives",
        "limit how long the handler may run with `timeout`",
    ),
    "max_priority": ("a priority may be any whole number", "leave it out"),
    "poll_interval_ms": ("nodes are told of new messages and never poll", "leave it out"),
}


def flattened(section: Section) -> Section:
    """The section with its `config` and `infrastructure` spread out; its own keys win over theirs."""
    spread: dict[str, Entry] = {}
    for name in ("infrastructure", "config"):
        entry = section.entries.get(name)
        if entry is None:
            continue
        if not isinstance(entry.value, Mapping):
            section.wrong(name, "a mapping")
            continue
        spread.update(_spread(entry.value, entry.where, section.report))
    own = {key: entry for key, entry in section.entries.items() if key not in CONTAINERS}
    return Section({**spread, **own}, section.where, section.report)


def _spread(raw: Mapping[Any, Any], where: str, report: Report) -> dict[str, Entry]:
    """Policy entries of a 1.x `config` or of a 0.x `infrastructure` with its `handler` and `queue` parts."""
    entries: dict[str, Entry] = {}
    for written, value in raw.items():
        key = snake(str(written))
        here = f"{where}.{written}"
        if value is None:
            continue
        if key == "queue" and isinstance(value, Mapping):
            entries.update(_spread(value, here, report))
        elif key == "handler" and isinstance(value, Mapping):
            entries.update(_renamed(value, here, _HANDLER_KEYS, report))
        elif key in ("type", "queue_type"):
            if value not in ("fifo", "standard"):
                report.problem(f"{here}: expected fifo or standard, got {shown(value)}")
            else:
                entries["fifo"] = Entry(here, value == "fifo")
        else:
            canonical = POLICY_ALIASES.get(key, key)
            if canonical in POLICY_KEYS:
                entries[canonical] = Entry(here, value)
            else:
                _unknown(here, key, [*POLICY_KEYS, *POLICY_ALIASES], report)
    return entries


def _renamed(
    raw: Mapping[Any, Any], where: str, names: Mapping[str, str | None], report: Report
) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    for written, value in raw.items():
        key = snake(str(written))
        if key not in names:
            _unknown(f"{where}.{written}", key, list(names), report)
        elif (canonical := names[key]) is not None and value is not None:
            entries[canonical] = Entry(f"{where}.{written}", value)
    return entries


def _unknown(where: str, key: str, known: list[str], report: Report) -> None:
    report.notice(f"{where}: unknown key, it has no effect", did_you_mean(key, known))


def read_policy(section: Section) -> QueuePolicy:
    """The policy of one trigger, from a flattened section."""
    for key, (why, instead) in _WITHOUT_EFFECT.items():
        if key in section.entries:
            section.report.notice(f"{section.at(key)}: no effect, {why}", instead)
    group_by = section.text("group_by")
    fifo = section.flag("fifo")
    concurrency, by_key = read_concurrency(section)
    debounce = read_debounce(section)
    if debounce is not None and (fifo or group_by):
        section.wrong("debounce", "no FIFO order beside it: a message that is put off would block its group")
    return QueuePolicy(
        concurrency=concurrency,
        retry=_retry(section),
        timeout_s=read_timeout_s(section),
        delay_s=_seconds_or_ms(section, "delay", "delay_ms") or 0.0,
        fifo=group_by is not None if fifo is None else fifo,
        group_by=group_by,
        concurrency_by_key=by_key,
        rate_limit=read_rate_limit(section),
        priority=read_priority(section),
        ttl_s=_seconds_or_ms(section, "ttl", "ttl_ms"),
        dedupe=read_dedupe(section),
        debounce=debounce,
        batch=read_batch(section),
        on_failure=section.text("on_failure"),
        process=_process(section),
        retry_function=function_id(section.value("retry")),
    )


def _process(section: Section) -> OwnProcess | None:
    memory = section.value("memory")
    memory_bytes = None if memory is None else size_bytes(memory)
    if memory is not None and (memory_bytes is None or memory_bytes < _LEAST_MEMORY_BYTES):
        section.wrong("memory", 'at least "16MB": a number of bytes or a text such as "512MB" or "2GB"')
    if section.choice("execution", ("node", "process")) == "process":
        return OwnProcess(memory_bytes=memory_bytes)
    if memory is not None:
        section.wrong("memory", "execution='process' beside it", hint="only a process has a limit of its own")
    return None


def read_timeout_s(section: Section) -> float | None:
    """The handler's timeout; a timeout of 0 is a problem."""
    timeout_s = _seconds_or_ms(section, "timeout", "timeout_ms")
    if timeout_s == 0:
        section.wrong("timeout", "more than 0 seconds")
    return timeout_s


def _seconds_or_ms(section: Section, key: str, key_ms: str) -> float | None:
    found_s = section.seconds(key)
    if found_s is None and (found_ms := section.integer(key_ms, 0)) is not None:
        return found_ms / 1000
    return found_s


def _retry(section: Section) -> RetryPolicy:
    retry = section.value("retry")
    if function_id(retry) is not None:
        retry = None
    if isinstance(retry, Mapping):
        section = section.over(_renamed(retry, section.at("retry"), _RETRY_KEYS, section.report))
    elif retry is False:
        section = section.over({"attempts": Entry(section.at("retry"), 1)})
    elif retry is not None and retry is not True:
        section = section.over({"retries": Entry(section.at("retry"), retry)})
    default = RetryPolicy()
    attempts = section.integer("attempts", 1)
    retries = section.integer("retries", 0)
    if attempts is None:
        attempts = default.attempts if retries is None else retries + 1
    delay_s = _seconds_or_ms(section, "retry_delay", "backoff_delay_ms")
    max_delay_s = section.seconds("max_delay")
    delay_s = default.delay_s if delay_s is None else delay_s
    return RetryPolicy(
        attempts=attempts,
        delay_s=delay_s,
        max_delay_s=max(default.max_delay_s, delay_s) if max_delay_s is None else max_delay_s,
        backoff=section.choice("backoff", ("exponential", "fixed")) or default.backoff,
        jitter=_jitter(section, default.jitter),
    )


def _jitter(section: Section, default: float) -> float:
    value = section.value("jitter")
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        section.wrong("jitter", "a share between 0 and 1")
        return default
    return float(value)
