"""An immutable snapshot of a project's steps; a reload swaps it whole."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from motia.core.message import QueueName
from motia.core.step import Step, StreamDefinition
from motia.core.trigger import (
    CronTrigger,
    QueuePolicy,
    QueueTrigger,
    StateTrigger,
    StreamTrigger,
    TimeTrigger,
)

MANUAL_TOPIC = ""
"""Topic of a message that was sent to one step by name and not through a topic."""
CRON_TOPIC = "$cron"
STATE_TOPIC = "$state"
STREAM_TOPIC = "$stream"
TIME_TOPIC = "$at"
_TOPIC_OF_KIND = {"cron": CRON_TOPIC, "state": STATE_TOPIC, "stream": STREAM_TOPIC, "at": TIME_TOPIC}


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """One queue of the registry: its name, the step, the trigger it serves and its policy."""

    name: QueueName
    step: Step
    trigger_index: int | None
    """None for the manual queue of a step."""
    policy: QueuePolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """All steps of a project and the look-ups made from them once."""

    version: int
    steps: Mapping[str, Step]
    streams: Mapping[str, StreamDefinition] = field(default_factory=dict)
    queues: Mapping[QueueName, QueueEntry] = field(default_factory=dict)
    subscribers: Mapping[str, tuple[QueueEntry, ...]] = field(default_factory=dict)
    """Topic → its queues."""
    state_triggers: tuple[tuple[Step, int, StateTrigger], ...] = ()
    stream_triggers: Mapping[str, tuple[tuple[Step, int, StreamTrigger], ...]] = field(default_factory=dict)
    """By the name of the stream."""
    cron_triggers: tuple[tuple[Step, int, CronTrigger], ...] = ()
    time_triggers: tuple[tuple[Step, int, TimeTrigger], ...] = ()
    waits: Mapping[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)
    """Topic → the lists of payload fields by which workflows wait for its events."""
    unread: Mapping[str, str] = field(default_factory=dict)
    """Path → text of files that could not be loaded: what stands in them is not in the rest."""

    def direct_queue(self, step_name: str) -> QueueEntry | None:
        """The queue that `trigger(step_name, …)` puts into: of the step's first topic, else by hand."""
        step = self.steps.get(step_name)
        if step is None:
            return None
        for trigger in step.triggers:
            if isinstance(trigger, QueueTrigger):
                return self.queues[QueueName(trigger.topic, step_name)]
        return self.queues.get(QueueName(MANUAL_TOPIC, step_name))

    def queues_watching(self, scope: str, key: str) -> list[QueueName]:
        """Queues of the state triggers that a change of this key runs."""
        return [
            queue_of_trigger(step, index)
            for step, index, trigger in self.state_triggers
            if trigger.scope in (None, scope) and trigger.key in (None, key)
        ]


def queue_of_trigger(step: Step, index: int) -> QueueName:
    """Name of the queue that feeds trigger `index`. Triggers of one step and kind get a queue each."""
    trigger = step.triggers[index]
    if isinstance(trigger, QueueTrigger):
        return QueueName(trigger.topic, step.name)
    return QueueName(f"{_TOPIC_OF_KIND[trigger.kind]}/{index}", step.name)


def file_that_names(name: str, unread: Mapping[str, str]) -> str | None:
    """The file among those that could not be loaded in which a name stands."""
    return next((path for path, text in unread.items() if name in text), None)


def build_registry(
    steps: Iterable[Step],
    streams: Iterable[StreamDefinition] = (),
    *,
    waits: Mapping[str, tuple[tuple[str, ...], ...]] | None = None,
    unread: Mapping[str, str] | None = None,
    version: int = 1,
) -> Registry:
    """Index steps that discovery has already checked (names unique, triggers valid)."""
    by_name = {step.name: step for step in steps}
    queues: dict[QueueName, QueueEntry] = {}
    subscribers: dict[str, list[QueueEntry]] = defaultdict(list)
    state_triggers, cron_triggers, time_triggers = [], [], []
    stream_triggers: dict[str, list[tuple[Step, int, StreamTrigger]]] = defaultdict(list)
    for step in by_name.values():
        if step.handler is not None:
            name = QueueName(MANUAL_TOPIC, step.name)
            queues[name] = QueueEntry(name, step, None, QueuePolicy())
        for index, trigger in enumerate(step.triggers):
            if trigger.kind == "http":
                continue
            name = queue_of_trigger(step, index)
            entry = QueueEntry(name, step, index, trigger.policy)
            queues[name] = entry
            if isinstance(trigger, QueueTrigger):
                subscribers[trigger.topic].append(entry)
            elif isinstance(trigger, StateTrigger):
                state_triggers.append((step, index, trigger))
            elif isinstance(trigger, StreamTrigger):
                stream_triggers[trigger.stream].append((step, index, trigger))
            elif isinstance(trigger, CronTrigger):
                cron_triggers.append((step, index, trigger))
            elif isinstance(trigger, TimeTrigger):
                time_triggers.append((step, index, trigger))
    return Registry(
        version=version,
        steps=by_name,
        streams={stream.name: stream for stream in streams},
        queues=queues,
        subscribers={topic: tuple(entries) for topic, entries in subscribers.items()},
        state_triggers=tuple(state_triggers),
        stream_triggers={name: tuple(found) for name, found in stream_triggers.items()},
        cron_triggers=tuple(cron_triggers),
        time_triggers=tuple(time_triggers),
        waits=waits or {},
        unread=unread or {},
    )
