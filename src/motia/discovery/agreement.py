"""Whether the steps of one topic mean the same messages by it. Pure; says only what is certain."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from motia.core.step import Step
from motia.core.trigger import JsonSchema, QueueTrigger
from motia.discovery.disjoint import disagreement
from motia.discovery.notices import Notice


def agreement_notices(steps: Sequence[Step]) -> list[Notice]:
    """A notice for each pair of subscribers of one topic whose schemas no message can fit, at the second one;
    it names the first and who enqueues to the topic."""
    subscribers: dict[str, list[tuple[Step, JsonSchema]]] = {}
    for step in steps:
        for trigger in step.triggers:
            if isinstance(trigger, QueueTrigger) and trigger.schema:
                subscribers.setdefault(trigger.topic, []).append((step, trigger.schema))
    notices = []
    for topic, found in subscribers.items():
        for (first, one), (second, other) in combinations(found, 2):
            reason = None if first is second else disagreement(other, one)
            if reason is not None:
                emits = (step for step in steps if any(e.topic == topic for e in step.emissions))
                senders = ", ".join(f"{step.name} ({step.source})" for step in emits) or "a step"
                notices.append(
                    Notice(
                        second.source.path,
                        second.source.line,
                        f"{second.name}: expected what {first.name} ({first.source}) takes from {topic!r}, "
                        f"got another schema: {reason}",
                        f"make them one schema: a message of {senders} fits one of the two at most, and the "
                        "other dead-letters it",
                    )
                )
    return notices
