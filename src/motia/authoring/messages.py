"""`ctx.queue`: what became of a message, and ending one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from motia.core.calls import Calls
from motia.core.ids import format_id, parse_id
from motia.core.message import BulkProgress, StoredMessage
from motia.errors import InputError


@dataclass(frozen=True, slots=True)
class MessageState:
    """A message in one queue, as it stands."""

    id: str
    topic: str
    step: str
    status: str
    """`ready`, `scheduled`, `blocked`, `limited`, `running` or `dead`."""
    enqueued_at_ms: int
    due_at_ms: int | None
    failures: int
    crashes: int
    trace_id: str
    code: str
    """Why it is dead."""


@dataclass(frozen=True, slots=True)
class BulkState:
    """Where the messages of an `enqueue_many` stand: one for each queue that each item went to."""

    id: str
    total: int
    completed: int
    waiting: int
    running: int
    dead: int
    cancelled: int
    """Cancelled, expired, purged, or replaced by a later one: they will not complete."""
    started_at_ms: int


class _Crossing(Protocol):
    def __call__(self, start: Callable[[], Any]) -> Awaitable[Any]: ...


class Queue:
    """Messages by their ids, those that `enqueue` gave. Awaitable calls; in `def` handlers plain ones."""

    __slots__ = ("_calls", "_run")

    def __init__(self, calls: Calls, run: _Crossing) -> None:
        self._calls = calls
        self._run = run

    def get(self, id: str) -> Awaitable[list[MessageState]]:
        """Where a message stands in each queue that holds it; empty when it has ended, or never was."""
        message_id = parsed_id(id)
        calls = self._calls
        return self._run(lambda: calls.begin(_states(calls, message_id)))

    def cancel(self, id: str) -> Awaitable[int]:
        """End a message in all its queues. A handler that runs it is interrupted, and what it still writes is
        refused. Gives how many queues still held it."""
        message_id = parsed_id(id)
        return self._run(lambda: self._calls.cancel_messages(message_id))

    def cancel_trace(self, trace_id: str) -> Awaitable[int]:
        """End everything that a trace led to and that has not ended; gives how many messages that were."""
        return self._run(lambda: self._calls.cancel_trace(trace_id))

    def bulk(self, id: str) -> Awaitable[BulkState | None]:
        """Where a bulk stands, that `enqueue_many` gave the id of; None for one that is not known, or ended
        more than 30 days ago."""
        bulk = parsed_id(id)
        calls = self._calls
        return self._run(lambda: calls.begin(bulk_state(calls, bulk)))

    def cancel_bulk(self, id: str) -> Awaitable[int]:
        """End what is left of a bulk: what waits is never run, what runs is interrupted. Gives how many that
        were."""
        bulk = parsed_id(id)
        return self._run(lambda: self._calls.cancel_bulk(bulk))


async def bulk_state(calls: Calls, bulk: bytes) -> BulkState | None:
    """Where a bulk stands; None for one that is not known."""
    found = await calls.bulk(bulk)
    return None if found is None else bulk_state_of(bulk, found)


def bulk_state_of(bulk: bytes, found: BulkProgress) -> BulkState:
    return BulkState(
        id=format_id(bulk),
        total=found.total,
        completed=found.completed,
        waiting=found.waiting,
        running=found.running,
        dead=found.dead,
        cancelled=found.cancelled,
        started_at_ms=found.started_at_ms,
    )


async def _states(calls: Calls, message_id: bytes) -> list[MessageState]:
    return [state_of(message) for message in await calls.messages(message_id)]


def state_of(message: StoredMessage) -> MessageState:
    return MessageState(
        id=format_id(message.id),
        topic=message.queue.topic,
        step=message.queue.step,
        status=message.status,
        enqueued_at_ms=message.enqueued_at_ms,
        due_at_ms=message.due_at_ms,
        failures=message.failures,
        crashes=message.crashes,
        trace_id=message.trace.trace_id,
        code=message.code,
    )


def parsed_id(id: str) -> bytes:
    """The id of a message or bulk. Failure: `InputError` `message.bad_id`."""
    try:
        return parse_id(id)
    except ValueError as error:
        raise InputError(
            f"ctx.queue: expected the id of a message or bulk, got {id!r}", code="message.bad_id"
        ) from error
