"""What flow control says about a message, from its queue's policy and its sender's wishes. Pure."""

from __future__ import annotations

import hashlib
from typing import Any

from motia.core.calls import EnqueueRequest
from motia.core.flow import Flow
from motia.core.trigger import QueuePolicy

_DEDUPE_WINDOW_S = 86_400.0
"""Of a key that a sender names for a queue without a policy for it."""
_MISSING = object()


def flow_of(policy: QueuePolicy, request: EnqueueRequest, data: Any, payload: bytes, now_ms: int) -> Flow:
    """The flow of one message. A payload without the field of a key counts as one with the key ""."""
    flow = Flow(bulk=request.bulk)
    if policy.priority is not None or request.priority is not None:
        flow.priority = _priority(policy, request, data)
    if policy.concurrency_by_key is not None:
        flow.concurrency_key = _key(data, policy.concurrency_by_key.key)
    if policy.rate_limit is not None and policy.rate_limit.key is not None:
        flow.rate_key = _key(data, policy.rate_limit.key)
    ttl_s = policy.ttl_s if request.ttl_s is None else request.ttl_s
    if ttl_s is not None:
        flow.expires_at_ms = now_ms + round(ttl_s * 1000)
    if policy.dedupe is not None or request.dedupe_key is not None:
        flow.dedupe_key = _dedupe_key(policy, request, data, payload)
        window_s = _DEDUPE_WINDOW_S if policy.dedupe is None else policy.dedupe.window_s
        flow.dedupe_until_ms = 0 if flow.dedupe_key is None else now_ms + round(window_s * 1000)
    if (debounce := policy.debounce) is not None:
        flow.debounce_key = _key(data, debounce.key) if debounce.key else ""
        if debounce.max_wait_s is not None:
            flow.debounce_by_ms = now_ms + round(debounce.max_wait_s * 1000)
    return flow


def asks_for_flow(request: EnqueueRequest) -> bool:
    """Whether the sender wants what the policy may not say."""
    return (
        request.priority is not None
        or request.dedupe_key is not None
        or request.ttl_s is not None
        or request.bulk is not None
    )


def _priority(policy: QueuePolicy, request: EnqueueRequest, data: Any) -> int:
    wanted = policy.priority if request.priority is None else request.priority
    if isinstance(wanted, str):
        wanted = field(data, wanted)
    # What the payload says may be anything: only a number is a priority.
    return int(wanted) if isinstance(wanted, int | float) and abs(wanted) < 2**31 else 0


def _dedupe_key(policy: QueuePolicy, request: EnqueueRequest, data: Any, payload: bytes) -> str | None:
    if request.dedupe_key is not None:
        return request.dedupe_key
    if policy.dedupe is None:
        return None
    if policy.dedupe.key is None:
        return hashlib.sha256(payload).hexdigest()
    # Without the field there is nothing to compare: such messages are all different.
    value = field(data, policy.dedupe.key)
    return None if value is _MISSING or value is None else str(value)


def _key(data: Any, path: str) -> str:
    value = field(data, path)
    return "" if value is _MISSING or value is None else str(value)


def field(data: Any, path: str) -> Any:
    """The value at a path such as `user.id`."""
    for name in path.split("."):
        if not isinstance(data, dict) or name not in data:
            return _MISSING
        data = data[name]
    return data
