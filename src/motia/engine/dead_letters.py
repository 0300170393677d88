"""What operators do with dead letters: find them, try out what sending them back would do, send back, purge.

Works on any open backend, of a node that runs or of a command.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from motia import encoding
from motia.backends.protocol import Backend
from motia.core.batch import Batch, DeadLetterHeld, Enqueue, Operation, PurgeDead, Redrive
from motia.core.calls import EnqueueRequest
from motia.core.flow import kept
from motia.core.ids import Ids, format_id
from motia.core.message import DeadLetter, MessageId, NewMessage, QueueName, TraceContext
from motia.core.registry import Registry
from motia.engine.enqueue import message_of
from motia.engine.input_check import check_input
from motia.engine.telling import REPLACES
from motia.errors import InputError
from motia.queue.dead_letters import DeadGroup, DeadLetterQuery, cause_of_letter

_PAGE = 500
_MOST_REFUSALS = 100


async def walk(backend: Backend, query: DeadLetterQuery) -> AsyncIterator[DeadLetter]:
    """The letters that fit, the newest first."""
    before_seq: int | None = None
    while True:
        page = await backend.queue.dead_letters(query, limit=_PAGE, before_seq=before_seq)
        for letter in page:
            yield letter
        if len(page) < _PAGE:
            return
        before_seq = page[-1].seq


async def find(backend: Backend, id_: MessageId, queue: QueueName | None = None) -> DeadLetter | None:
    """A letter by its id; of several, in several queues, the newest."""
    stored = [
        message
        for message in await backend.queue.messages(id_)
        if message.status == "dead" and queue in (None, message.queue)
    ]
    if not stored:
        return None
    newest = max(stored, key=lambda message: message.seq)
    query = DeadLetterQuery(ids=frozenset((id_,)), topic=newest.queue.topic, step=newest.queue.step)
    return next(iter(await backend.queue.dead_letters(query, limit=1)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A letter that would not run."""

    id: MessageId
    queue: QueueName
    code: str
    """`input.invalid`: it would die again at once; `step.removed`: it would wait for a step."""
    message: str


@dataclass(slots=True)
class Forecast:
    """What sending letters back would do, by the steps and schemas of now."""

    letters: int = 0
    by_queue: dict[QueueName, int] = field(default_factory=dict)
    """How many would run, by queue."""
    refused: int = 0
    refusals: list[Refusal] = field(default_factory=list)
    """The first hundred of those that would not."""


async def forecast(backend: Backend, registry: Registry, query: DeadLetterQuery) -> Forecast:
    """What `redrive` of the same query would do; nothing is changed.

    Rules that only the step's own code knows, such as refinements of a Zod schema, are not tried.
    """
    result = Forecast()
    async for letter in walk(backend, query):
        result.letters += 1
        refusal = _refusal(registry, letter)
        if refusal is None:
            result.by_queue[letter.queue] = result.by_queue.get(letter.queue, 0) + 1
            continue
        result.refused += 1
        if len(result.refusals) < _MOST_REFUSALS:
            result.refusals.append(refusal)
    return result


def _refusal(registry: Registry, letter: DeadLetter) -> Refusal | None:
    if letter.queue not in registry.queues:
        message = f"{letter.queue.step}: expected a step of this project, got the name of one that is gone"
        return Refusal(id=letter.id, queue=letter.queue, code="step.removed", message=message)
    try:
        check_input(registry, letter.queue, letter.payload)
    except InputError as error:
        return Refusal(id=letter.id, queue=letter.queue, code=error.code, message=error.message)
    return None


async def redrive(
    backend: Backend, query: DeadLetterQuery, *, now_ms: int, per_second: float | None = None
) -> int:
    """Send the letters that fit back, the oldest first; gives how many went.

    With `per_second` all go back in the storage at once, due one after the other at that rate: whoever asked
    need not stay, and what is not due yet can be moved or cancelled. *Concurrency*: a letter that two send
    back goes once.
    """

    def operation(queue: QueueName, ids: frozenset[MessageId], before: int) -> Operation:
        if per_second is None:
            return Redrive(queue=queue, ids=ids)
        every_ms = 1000 / per_second
        due_at_ms = now_ms + round(before * every_ms)
        return Redrive(queue=queue, ids=ids, due_at_ms=due_at_ms, every_ms=every_ms)

    return await _on_each(backend, query, operation)


async def redrive_as_it_is(backend: Backend, letter: DeadLetter) -> None:
    """Send one letter back. Failure: `ConflictError` `queue.letter_gone` where it is no longer there."""
    operation = Redrive(queue=letter.queue, ids=frozenset((letter.id,)))
    await backend.commit(Batch((operation,), (DeadLetterHeld(letter.id, letter.queue),)))


async def purge(backend: Backend, query: DeadLetterQuery) -> int:
    """Delete the letters that fit; gives how many there were."""
    return await _on_each(backend, query, lambda queue, ids, _: PurgeDead(queue=queue, ids=ids))


async def _on_each(
    backend: Backend,
    query: DeadLetterQuery,
    operation: Callable[[QueueName, frozenset[MessageId], int], Operation],
) -> int:
    # Chosen before anything moves: a letter that dies again meanwhile is not sent back twice.
    chosen: dict[QueueName, list[MessageId]] = {}
    for queue, id_ in await backend.queue.dead_ids(query):
        chosen.setdefault(queue, []).append(id_)
    total = 0
    for queue, ids in chosen.items():
        for start in range(0, len(ids), _PAGE):
            part = frozenset(ids[start : start + _PAGE])
            (count,) = await backend.commit(Batch((operation(queue, part, total),)))
            total += count
    return total


async def redrive_edited(
    backend: Backend,
    registry: Registry,
    letter: DeadLetter,
    data: Any,
    *,
    ids: Ids,
    now_ms: int,
    max_bytes: int,
) -> NewMessage:
    """Send a letter back with another payload, as a new message in its old trace.

    *Failure*: `InputError` where the payload does not fit what the step takes now, or is too large;
    `ConflictError` `queue.letter_gone` where somebody sent it back or purged it first. Nothing is changed
    then.
    """
    payload = encoding.encode(data)
    if len(payload) > max_bytes:
        raise InputError(
            f"payload: expected at most {max_bytes} bytes, got {len(payload)}",
            code="message.too_large",
            status=413,
        )
    check_input(registry, letter.queue, payload)
    message = _edited(registry, letter, data, payload, ids.message_id(), now_ms)
    gone = PurgeDead(queue=letter.queue, ids=frozenset((letter.id,)), replaced=True)
    await backend.commit(Batch((Enqueue(message), gone), (DeadLetterHeld(letter.id, letter.queue),)))
    return message


def _edited(
    registry: Registry, letter: DeadLetter, data: Any, payload: bytes, id_: MessageId, now_ms: int
) -> NewMessage:
    # In the trace of the letter, so that what failed and what was done about it stand together.
    trace = TraceContext(letter.trace.trace_id, letter.trace.span_id, 0)
    known = encoding.decode(letter.attributes) if letter.attributes else {}
    attributes = encoding.encode({**known, REPLACES: letter.id.hex()})
    entry = registry.queues.get(letter.queue)
    if entry is None:
        return NewMessage(
            id=id_,
            queue=letter.queue,
            payload=payload,
            trace=trace,
            enqueued_at_ms=now_ms,
            group=letter.group,
            attributes=attributes,
            flow=None if letter.flow is None else kept(letter.flow),
        )
    group = None if entry.policy.group_by is not None and isinstance(data, Mapping) else letter.group
    bulk = None if letter.flow is None else letter.flow.bulk
    request = EnqueueRequest(data, group=group, at_ms=now_ms, bulk=bulk)
    message = message_of(entry, request, id_, payload, attributes, trace, now_ms, data, None)
    # Its keys are those of the new payload; what would put it off or swallow it is over.
    return replace(message, flow=None if message.flow is None else kept(message.flow))


def forecast_document(found: Forecast) -> dict[str, Any]:
    """A forecast, as commands and the API tell of it."""
    return {
        "letters": found.letters,
        "would_run": [
            {"topic": queue.topic, "step": queue.step, "count": count}
            for queue, count in sorted(found.by_queue.items())
        ],
        "refused": found.refused,
        "refusals": [
            {
                "id": format_id(one.id),
                "topic": one.queue.topic,
                "step": one.queue.step,
                "code": one.code,
                "message": one.message,
            }
            for one in found.refusals
        ],
    }


def group_document(group: DeadGroup) -> dict[str, Any]:
    """A group, as commands and the API tell of it."""
    return {
        "cause": group.cause,
        "topic": group.queue.topic,
        "step": group.queue.step,
        "code": group.code,
        "type": group.type,
        "message": group.message,
        "count": group.count,
        "first_ms": group.first_ms,
        "last_ms": group.last_ms,
        "sample_id": format_id(group.sample),
    }


def letter_document(letter: DeadLetter) -> dict[str, Any]:
    """A letter with all that is known of it."""
    return {
        "id": format_id(letter.id),
        "topic": letter.queue.topic,
        "step": letter.queue.step,
        "code": letter.code,
        "error": encoding.decode(letter.error) if letter.error else None,
        "earlier_errors": [encoding.decode(line) for line in letter.errors.splitlines() if line.strip()],
        "data": encoding.decode_payload(letter.payload),
        "failures": letter.failures,
        "crashes": letter.crashes,
        "group": letter.group,
        "enqueued_at_ms": letter.enqueued_at_ms,
        "died_at_ms": letter.died_at_ms,
        "trace_id": letter.trace.trace_id,
        "cause": cause_of_letter(letter),
    }
