"""Bulks: thousands of messages of one topic in one commit, followed and cancelled as one."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, replace

from motia.core.batch import CountBulk, Enqueue, Operation, Post
from motia.core.calls import EnqueueRequest
from motia.core.ids import Ids
from motia.core.message import TraceContext
from motia.core.registry import Registry
from motia.engine.enqueue import fan_out
from motia.errors import InputError

MOST_MESSAGES = 10_000
MOST_BYTES = 64 * 1024 * 1024
_KEPT_MS = 30 * 86_400_000


@dataclass(slots=True)
class BulkWrite:
    """What stores a bulk."""

    operations: list[Operation]
    unknown: str = ""
    """Why nothing is stored, for a warning."""


def bulk_of(
    registry: Registry,
    requests: Sequence[EnqueueRequest],
    bulk: bytes,
    ids: Ids,
    trace: TraceContext,
    *,
    now_ms: int,
    max_bytes: int,
    waited: Container[str] = (),
) -> BulkWrite:
    """The operations that store requests of one topic as bulk `bulk`.

    *Failure*: `InputError` `enqueue.too_many` past 10,000 messages or 64 MiB; what `fan_out` fails with.
    """
    if len(requests) > MOST_MESSAGES:
        raise _too_many(f"{MOST_MESSAGES} messages", str(len(requests)))
    operations: list[Operation] = []
    size = 0
    unknown = ""
    for request in requests:
        # Nothing is claimed as it is stored: a node takes ahead what it has room for, and no more.
        found = fan_out(
            registry,
            replace(request, bulk=bulk),
            ids,
            trace,
            now_ms=now_ms,
            max_bytes=max_bytes,
            waited=waited,
        )
        if found.unknown:
            unknown = found.unknown
            break
        size += sum(len(message.payload) for message in found.messages)
        if size > MOST_BYTES:
            raise _too_many(f"{MOST_BYTES} bytes", "more")
        operations += [Enqueue(message) for message in found.messages]
        if found.mail is not None:
            operations.append(Post(found.mail))
    operations.append(CountBulk(bulk, now_ms, now_ms + _KEPT_MS))
    return BulkWrite(operations, unknown)


def _too_many(most: str, got: str) -> InputError:
    return InputError(
        f"enqueue_many: expected at most {most} in one commit, got {got}",
        code="enqueue.too_many",
        hint="send several bulks, or what makes the messages as one message whose handler sends the rest",
    )
