"""Fan-out: which messages a topic or a step id leads to. Pure."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from motia import encoding
from motia.core.batch import Duplicate, Enqueue, Operation
from motia.core.calls import EnqueueRequest
from motia.core.ids import Ids, format_id
from motia.core.message import MessageId, NewMessage, NodeId, TraceContext
from motia.core.registry import QueueEntry, Registry, file_that_names
from motia.core.spelling import did_you_mean
from motia.core.workflow import Mail
from motia.errors import InputError
from motia.queue.flow import asks_for_flow, flow_of
from motia.workflow.mail import KEEP_MAIL_MS


@dataclass(slots=True)
class FanOut:
    """The messages of one request: one a queue, all with the same id. None when nobody listens."""

    id: MessageId
    messages: list[NewMessage]
    mail: Mail | None = None
    """The event, for workflows that wait for one of this topic."""
    unknown: str = ""
    """Why there are no messages, for a warning; empty when there are some."""


def fan_out(
    registry: Registry,
    request: EnqueueRequest,
    ids: Ids,
    trace: TraceContext,
    *,
    now_ms: int,
    max_bytes: int,
    claim_for: NodeId | None = None,
    may_start: Callable[[], bool] = lambda: True,
    waited: Container[str] = (),
) -> FanOut:
    """Make the messages of one request.

    `waited` names the topics that workflows wait for: an event of one of them is also mail.
    `claim_for` is the node that may have them as they are stored; `may_start` tells whether it has a place to
    run one more, for queues whose messages start when they are claimed.
    Failure: `EncodingError` for data JSON cannot carry or is too deep, `InputError` `message.too_large`.
    """
    data = request.data
    attributes = b""
    if type(data) is dict and "__retry" in data:
        data = dict(data)
        attributes = encoding.encode({"retry": data.pop("__retry")})
    payload = encoding.encode_kept(data)
    if len(payload) > max_bytes:
        raise InputError(
            f"enqueue to {request.topic or request.step!r}: expected a payload of at most {max_bytes} bytes,"
            f" got {len(payload)}",
            code="message.too_large",
            hint="store the data in state or in a file and send its key, or raise limits.message_bytes",
        )
    message_id = ids.message_id(now_ms)
    entries = _entries(registry, request)
    mail = None
    if request.topic in waited:
        mail = Mail(
            id=message_id,
            topic=request.topic or "",
            payload=payload,
            at_ms=now_ms,
            keep_until_ms=now_ms + KEEP_MAIL_MS,
        )
    if not entries:
        return FanOut(message_id, [], mail, "" if mail else _unknown(registry, request))
    return FanOut(
        message_id,
        [
            message_of(
                entry,
                request,
                message_id,
                payload,
                attributes,
                trace,
                now_ms,
                data,
                None if entry.policy.starts_when_claimed and not may_start() else claim_for,
            )
            for entry in entries
        ],
        mail,
    )


def standing(ids: Sequence[str], operations: Sequence[Operation], results: Sequence[Any]) -> list[str]:
    """The ids that callers get: where every queue had the message already, that of the earlier one."""
    earlier: dict[str, str | None] = {}
    for operation, result in zip(operations, results, strict=True):
        if not isinstance(operation, Enqueue):
            continue
        own = format_id(operation.message.id)
        found = format_id(result.id) if type(result) is Duplicate else None
        earlier[own] = found if own not in earlier or earlier[own] == found else None
    return [earlier.get(own) or own for own in ids]


def _entries(registry: Registry, request: EnqueueRequest) -> Sequence[QueueEntry]:
    if request.step is not None:
        entry = registry.direct_queue(request.step)
        return () if entry is None else (entry,)
    entries = registry.subscribers.get(request.topic or "")
    if entries is None:
        # In the function dialects an id is a topic too: `emit("send-email")` reaches the step of that id.
        entry = registry.direct_queue(request.topic or "")
        return () if entry is None or entry.trigger_index is None else (entry,)
    return entries


def message_of(
    entry: QueueEntry,
    request: EnqueueRequest,
    message_id: MessageId,
    payload: bytes,
    attributes: bytes,
    trace: TraceContext,
    now_ms: int,
    data: object,
    claim_for: NodeId | None,
) -> NewMessage:
    """The message of one queue, as its policy and its sender want it."""
    policy = entry.policy
    due_at_ms = request.at_ms
    if due_at_ms is None:
        delay_s = request.delay_s if request.delay_s is not None else policy.delay_s
        if policy.debounce is not None:
            delay_s = max(delay_s, policy.debounce.period_s)
        if delay_s > 0:
            due_at_ms = now_ms + round(delay_s * 1000)
    elif due_at_ms <= now_ms:
        due_at_ms = None
    group = None
    if policy.fifo or request.group is not None:
        group = request.group
        if group is None and policy.group_by is not None and isinstance(data, dict):
            found = data.get(policy.group_by)
            group = None if found is None else str(found)
        if group is None and policy.fifo:
            group = ""
    return NewMessage(
        id=message_id,
        queue=entry.name,
        payload=payload,
        trace=trace,
        enqueued_at_ms=now_ms,
        due_at_ms=due_at_ms,
        group=group,
        attributes=attributes,
        claim_for=claim_for,
        limits=policy.limits,
        flow=flow_of(policy, request, data, payload, now_ms)
        if policy.controls_flow or asks_for_flow(request)
        else None,
    )


def _unknown(registry: Registry, request: EnqueueRequest) -> str:
    if request.step is not None:
        near = nearest_known(request.step, registry.steps, registry)
        return f"{request.step!r}: no step has this id{near}; nothing was stored"
    near = nearest_known(request.topic or "", registry.subscribers, registry)
    return f"enqueue {request.topic!r}: no step subscribes to this topic{near}; nothing was stored"


def nearest_known(name: str, known: Iterable[str], registry: Registry) -> str:
    """What may be meant by a name that leads nowhere, in parentheses; empty where nothing is near."""
    unread = file_that_names(name, registry.unread)
    if unread is not None:
        return f" ({unread} names it and could not be loaded)"
    close = did_you_mean(name, known)
    return f" ({close})" if close else ""
