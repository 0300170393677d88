"""Bulks, as steps in other languages write them: thousands of messages in one commit, followed as one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from motia.authoring.messages import bulk_state, parsed_id
from motia.core.calls import Calls, EnqueueRequest
from motia.encoding import encode
from motia.runtimes.worker.params import BadParams, integer_of, number_of, text_of

Begun = tuple[asyncio.Future[Any], Callable[[Any], bytes]]


def read_bulk(calls: Calls, read: dict[str, Any]) -> Begun:
    """Begin to look where a bulk stands."""
    work = calls.begin(bulk_state(calls, parsed_id(text_of(read["id"]))))
    return work, lambda found: b'{"bulk":%b}' % encode(None if found is None else asdict(found))


def write_bulk(calls: Calls, operation: dict[str, Any]) -> Begun | None:
    """Begin to store or to end a bulk; None for an operation that is none of bulks."""
    kind = operation["op"]
    if kind == "bulk.cancel":
        work = calls.cancel_bulk(parsed_id(text_of(operation["id"])))
        return work, lambda ended: b'{"cancelled":%d}' % ended
    if kind != "enqueue_many":
        return None
    topic, items = text_of(operation["topic"]), operation["items"]
    if type(items) is not list:
        raise BadParams(f"enqueue_many: expected a list of items, got {items!r:.80}")
    group = None if operation.get("group") is None else text_of(operation["group"])
    delay_s, at_ms = number_of(operation.get("delay_s")), integer_of(operation.get("at_ms"))
    requests = [EnqueueRequest(item, topic, None, group, delay_s, at_ms) for item in items]
    return calls.enqueue_many(requests), encode
