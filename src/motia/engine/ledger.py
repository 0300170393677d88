"""Everything that is to run later, in one list: delayed messages, retries, points in time, cron ticks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from motia.backends.protocol import Backend
from motia.core.message import MessageId
from motia.core.registry import TIME_TOPIC, Registry
from motia.cron.expression import parse


@dataclass(frozen=True, slots=True)
class ScheduledItem:
    """One thing that is to run at `due_at_ms`."""

    kind: Literal["message", "retry", "at", "cron"]
    due_at_ms: int
    topic: str
    step: str
    id: MessageId | None
    """Of the message; None for a tick, which is none before its time."""
    detail: str


async def scheduled_items(
    backend: Backend, registry: Registry, *, timezone: str, now_ms: int, limit: int = 100
) -> list[ScheduledItem]:
    """The nearest first. Of each cron trigger its next tick."""
    items: list[ScheduledItem] = []
    for message in await backend.queue.scheduled(limit=limit):
        kind: Literal["message", "retry", "at"] = "message"
        detail = ""
        if message.failures:
            kind, detail = "retry", f"after {message.failures} failed attempts"
        elif message.queue.topic.startswith(TIME_TOPIC):
            kind = "at"
        items.append(
            ScheduledItem(
                kind, message.due_at_ms, message.queue.topic, message.queue.step, message.id, detail
            )
        )
    for step, _, trigger in registry.cron_triggers:
        zone = trigger.timezone or timezone
        next_ms = parse(trigger.expression, zone).next_after(now_ms)
        if next_ms is not None:
            items.append(
                ScheduledItem("cron", next_ms, "", step.name, None, f"{trigger.expression} ({zone})")
            )
    return sorted(items, key=lambda item: item.due_at_ms)[:limit]
