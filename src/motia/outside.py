"""What is asked of a project from outside, whether or not a node of it runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from motia.adapters import open_backend
from motia.core.batch import Batch, Enqueue, Operation, Post
from motia.core.calls import EnqueueRequest
from motia.core.clock import SystemClock, SystemEntropy
from motia.core.ids import Ids, format_id, parse_id
from motia.core.message import MessageId, QueueName, TraceContext
from motia.core.spelling import did_you_mean
from motia.discovery.project import Discovered
from motia.engine.bulks import bulk_of
from motia.engine.enqueue import fan_out, standing
from motia.errors import InputError
from motia.loading import ProjectLoader
from motia.settings import Settings
from motia.tracing.recorder import Recorder


async def discover_project(settings: Settings) -> Discovered:
    """Everything one look at the project finds, without running anything of it."""
    clock = SystemClock()
    loader = ProjectLoader(settings, clock, Recorder(clock.now_ms), node="cli")
    try:
        return (await loader.load()).discovered
    finally:
        await loader.stop()


async def enqueue_from_outside(
    settings: Settings, topic: str, data: Any
) -> tuple[MessageId, list[QueueName], bool]:
    """Store a message on a topic, whether or not a node runs; gives its id, the queues it went to, and
    whether workflows wait for events of that topic. The id is that of an earlier one, where that stands for
    it in every queue."""
    return await _store(settings, EnqueueRequest(data, topic=topic))


async def enqueue_many_from_outside(
    settings: Settings, topic: str, items: Sequence[Any]
) -> tuple[MessageId, int]:
    """Store messages on a topic in one commit; gives the id of the bulk, and how many messages are stored."""
    discovered = await discover_project(settings)
    clock = SystemClock()
    ids = Ids(clock, SystemEntropy())
    bulk = ids.message_id()
    found = bulk_of(
        discovered.registry,
        [EnqueueRequest(item, topic=topic) for item in items],
        bulk,
        ids,
        TraceContext(ids.trace_id(), "", 0),
        now_ms=clock.now_ms(),
        max_bytes=settings.limits.message_bytes,
        waited=discovered.registry.waits,
    )
    if found.unknown:
        return bulk, 0
    *_, total = await _commit(settings, found.operations)
    return bulk, total or sum(isinstance(one, Post) for one in found.operations)


async def trigger_from_outside(settings: Settings, step: str, data: Any) -> MessageId:
    """Store a message for one step. Failure: `InputError` `step.unknown`."""
    message_id, queues, _ = await _store(settings, EnqueueRequest(data, step=step))
    if not queues:
        known = (await discover_project(settings)).registry.steps
        raise InputError(
            f"trigger {step!r}: expected the id of a step, got none of this project",
            code="step.unknown",
            hint=did_you_mean(step, known, "`motia steps` lists them"),
        )
    return message_id


async def _store(settings: Settings, request: EnqueueRequest) -> tuple[MessageId, list[QueueName], bool]:
    discovered = await discover_project(settings)
    clock = SystemClock()
    ids = Ids(clock, SystemEntropy())
    found = fan_out(
        discovered.registry,
        request,
        ids,
        TraceContext(ids.trace_id(), "", 0),
        now_ms=clock.now_ms(),
        max_bytes=settings.limits.message_bytes,
        waited=discovered.registry.waits,
    )
    operations: list[Operation] = [Enqueue(message) for message in found.messages]
    if found.mail is not None:
        operations.append(Post(found.mail))
    message_id = found.id
    if operations:
        results = await _commit(settings, operations)
        message_id = parse_id(standing([format_id(found.id)], operations, results)[0])
    return message_id, [message.queue for message in found.messages], found.mail is not None


async def _commit(settings: Settings, operations: Sequence[Operation]) -> list[Any]:
    backend = open_backend(settings, wake_others=True)
    await backend.open()
    try:
        results: list[Any] = await backend.commit(Batch(operations))
        return results
    finally:
        await backend.close()
