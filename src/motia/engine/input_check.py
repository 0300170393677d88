"""Whether a stored payload still fits what its step takes, by the schemas of now."""

from __future__ import annotations

from motia import encoding
from motia.core.message import QueueName
from motia.core.registry import Registry
from motia.core.trigger import QueueTrigger
from motia.schemas import schema_of


def check_input(registry: Registry, queue: QueueName, payload: bytes) -> None:
    """Failure: `InputError` for a payload that does not fit what the queue's step takes now.

    Rules that only the step's own code knows, such as refinements of a Zod schema, are not tried.
    """
    entry = registry.queues.get(queue)
    if entry is None or entry.trigger_index is None:
        return
    trigger = entry.step.triggers[entry.trigger_index]
    if isinstance(trigger, QueueTrigger) and trigger.schema:
        schema = schema_of(trigger.schema, entry.step.source.path)
        if schema is not None:
            schema.validate(encoding.decode_payload(payload))
