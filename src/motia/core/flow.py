"""Flow control as data: what a queue's policy may ask for, and what one message carries of it."""

from __future__ import annotations

from dataclasses import dataclass

FieldPath = str
"""Path of a payload field, `user.id`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyedConcurrency:
    """At most `limit` messages with the same value of `key` run at once, over all nodes."""

    limit: int
    key: FieldPath


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """At most `limit` messages start within any `period_s`, over all nodes."""

    limit: int
    period_s: float
    key: FieldPath | None = None
    """Counts apart for each value of this field; None = for the whole queue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dedupe:
    """A message with the value of an earlier one is not stored until `window_s` after that one."""

    window_s: float
    key: FieldPath | None = None
    """None = the whole payload."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Debounce:
    """A message waits `period_s`; a later one with the same key takes its place and waits anew."""

    period_s: float
    key: FieldPath | None = None
    """None = one for the whole queue."""
    max_wait_s: float | None = None
    """The longest that the first of them is put off; None = for as long as others come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batching:
    """The handler gets a list of up to `size` messages, or what came within `wait_s` of the first."""

    size: int
    wait_s: float = 1.0


@dataclass(slots=True, kw_only=True)
class Flow:
    """What flow control says about one message; most messages have none."""

    priority: int = 0
    """The higher, the sooner. Before commit order, within its queue."""
    concurrency_key: str | None = None
    rate_key: str | None = None
    expires_at_ms: int | None = None
    """No attempt begins after it."""
    dedupe_key: str | None = None
    dedupe_until_ms: int = 0
    debounce_key: str | None = None
    debounce_by_ms: int | None = None
    """The latest due time of the first of the messages that took each other's place."""
    bulk: bytes | None = None
    """Id of the `enqueue_many` it came with."""


def kept(flow: Flow) -> Flow:
    """What stays with a dead letter that is sent back: its expiry and its key of duplicates are over."""
    return Flow(
        priority=flow.priority,
        concurrency_key=flow.concurrency_key,
        rate_key=flow.rate_key,
        bulk=flow.bulk,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RateWindow:
    """A queue's rate limit, as a claim needs it."""

    limit: int
    period_ms: int
    keyed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Within which the messages of one queue are claimed, over all nodes."""

    concurrency: int | None = None
    """Most claims at once."""
    key_concurrency: int | None = None
    """Most claims at once of one concurrency key."""
    rate: RateWindow | None = None
    """Most starts within any period."""


NO_LIMITS = Limits()
