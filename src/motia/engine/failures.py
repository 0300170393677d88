"""Tells steps that a message died: the queue's own `on_failure`, and whoever listens to the application's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from motia import encoding
from motia.core.batch import Died
from motia.core.calls import EnqueueRequest
from motia.core.ids import format_id
from motia.core.message import Claim, NewMessage, TraceContext
from motia.engine.enqueue import fan_out
from motia.errors import InputError

if TYPE_CHECKING:
    from motia.engine.engine import Engine

APPLICATION = "handle-step-error"
"""The topic, or the id of a step, that is told of every dead letter of the application."""


def failure_messages(engine: Engine, claim: Claim, death: Died) -> list[NewMessage]:
    """What to store together with the dead letter. A step is never told of its own failure, so that none
    goes round in circles."""
    entry = engine.registry.queues.get(claim.queue)
    own = None if entry is None else entry.policy.on_failure
    messages: list[NewMessage] = []
    for name in dict.fromkeys((own, APPLICATION)):
        if name is not None:
            messages += _messages(engine, name, claim, death)
    return [message for message in messages if message.queue.step != claim.queue.step]


def _messages(engine: Engine, name: str, claim: Claim, death: Died) -> Sequence[NewMessage]:
    by_id = name in engine.registry.steps
    if not by_id and name not in engine.registry.subscribers:
        return ()
    trace = TraceContext(claim.trace.trace_id, claim.trace.span_id, claim.trace.hops + 1)

    def fanned(data: dict[str, Any]) -> Sequence[NewMessage]:
        request = EnqueueRequest(data, step=name) if by_id else EnqueueRequest(data, topic=name)
        return fan_out(
            engine.registry,
            request,
            engine.ids,
            trace,
            now_ms=engine.clock.now_ms(),
            max_bytes=engine.settings.limits.message_bytes,
        ).messages

    told = _told(claim, death)
    try:
        return fanned(told)
    except (InputError, encoding.EncodingError):
        # Together they may be longer than a message, or deeper: the payload is in the dead letter.
        return fanned({**told, "context": None})


def _told(claim: Claim, death: Died) -> dict[str, Any]:
    error = encoding.decode(death.error)
    attributes = encoding.decode(claim.attributes) if claim.attributes else {}
    return {
        "stepId": claim.queue.step,
        "error": {
            "name": error.get("type", ""),
            "message": error.get("message", ""),
            "stack": error.get("stack", ""),
            "code": death.code,
        },
        "context": encoding.decode_payload(claim.payload),
        # How often it was triggered anew with `__retry`: attempts are the queue's affair.
        "retryCount": attributes.get("retry", 0),
        "topic": claim.queue.topic,
        "messageId": format_id(claim.id),
    }
