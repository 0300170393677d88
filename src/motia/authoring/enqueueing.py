"""What a handler wrote for a message, as the engine takes it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from motia.authoring.durations import optional_seconds
from motia.core.calls import EnqueueRequest
from motia.errors import HandlerError

When = datetime | int | float | str

_OPTIONS = frozenset(
    {"topic", "type", "data", "group", "messageGroupId", "message_group_id", "delay", "at", "priority"}
    | {"dedupe", "dedupeKey", "dedupe_key", "ttl"}
)


def enqueue_request(item: Mapping[str, Any]) -> EnqueueRequest:
    """`{"topic": …, "data": …}` with options, in every spelling.

    Failure: `HandlerError` `enqueue.no_topic`, and `enqueue.no_data` where another key seems to hold it.
    """
    topic = item.get("topic") or item.get("type")
    if not isinstance(topic, str):
        raise HandlerError(
            f"enqueue: expected a topic, got {topic!r}",
            code="enqueue.no_topic",
            hint='write ctx.enqueue("topic", data) or ctx.enqueue({"topic": …, "data": …})',
        )
    if "data" not in item and (unknown := [str(key) for key in item if key not in _OPTIONS]):
        raise HandlerError(
            f"enqueue {topic!r}: expected the message in `data`, got {', '.join(unknown)}",
            code="enqueue.no_data",
            hint='write {"topic": …, "data": …}; "data": None sends none',
        )
    group = item.get("group") or item.get("messageGroupId") or item.get("message_group_id")
    return EnqueueRequest(
        item.get("data"),
        topic,
        None,
        group,
        optional_seconds(item.get("delay")),
        at_ms(item.get("at")),
        item.get("priority"),
        item.get("dedupe") or item.get("dedupeKey") or item.get("dedupe_key"),
        optional_seconds(item.get("ttl")),
    )


def at_ms(when: When | None) -> int | None:
    """Milliseconds since 1970 of a date, an ISO text (UTC where it says nothing) or seconds."""
    if when is None:
        return None
    if isinstance(when, str):
        when = datetime.fromisoformat(when)
    if isinstance(when, datetime):
        aware = when if when.tzinfo else when.replace(tzinfo=UTC)
        return round(aware.timestamp() * 1000)
    return round(when * 1000)
