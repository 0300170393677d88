"""Queues and what died in them: look, group, edit, send back, delete."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from motia import encoding
from motia.backends.protocol import Backend
from motia.core.batch import Batch, Enqueue, Operation, PauseQueues, PurgeDead, Redrive, ResumeQueues
from motia.core.ids import format_id, parse_id
from motia.core.message import DeadLetter, MessageId, NewMessage, QueueDepth, QueueName, TraceContext
from motia.core.registry import MANUAL_TOPIC, Registry
from motia.errors import InputError
from motia.http.router import Route
from motia.workbench.api.documents import policy_document
from motia.workbench.api.run import sent
from motia.workbench.causes import cause_of, normal
from motia.workbench.request import ApiRequest, Handler, invalid, page_of, unknown
from motia.workbench.workspace import Workspace

_PAGE = 500
_MOST_LOOKED_AT = 10_000
_IDS_PER_BATCH = 500


def routes(workspace: Workspace) -> list[Route[Handler]]:
    """`/queues`, `/scheduled`, `/dead-letters…`."""
    backend = workspace.engine.backend

    async def queues(_: ApiRequest) -> Any:
        return page_of(await queue_documents(workspace))

    async def scheduled(request: ApiRequest) -> Any:
        topic, step = request.text("topic"), request.text("step")
        found = await backend.queue.scheduled(limit=request.limit if not (topic or step) else _PAGE)
        items = [
            {
                "id": format_id(message.id),
                "topic": message.queue.topic,
                "step": message.queue.step,
                "due_at_ms": message.due_at_ms,
                "failures": message.failures,
                "trace_id": message.trace.trace_id,
            }
            for message in found
            if topic in (None, message.queue.topic) and step in (None, message.queue.step)
        ]
        return page_of(items[: request.limit])

    async def letters(request: ApiRequest) -> Any:
        return await _letters(backend, request)

    async def groups(request: ApiRequest) -> Any:
        return page_of(await _groups(backend, _wanted(request)))

    async def letter(request: ApiRequest) -> Any:
        return letter_document(await _find(backend, _id(request.params["id"]), None))

    async def pause(request: ApiRequest) -> None:
        topic, step = _queue_of(request)
        await backend.commit(Batch([PauseQueues(workspace.now_ms(), topic, step)]))
        request.acted_on("queue.pause", topic=topic, step=step)

    async def resume(request: ApiRequest) -> Any:
        topic, step = _queue_of(request)
        (count,) = await backend.commit(Batch([ResumeQueues(topic, step)]))
        request.acted_on("queue.resume", topic=topic, step=step)
        return {"resumed": count}

    async def redrive(request: ApiRequest) -> Any:
        chosen = await _selected(backend, request)
        count = await _on_letters(backend, chosen, lambda queue, ids: Redrive(queue=queue, ids=ids))
        request.acted_on("dead-letters.redrive", count=count, selection=dict(request.fields()))
        return {"redriven": count}

    async def purge(request: ApiRequest) -> Any:
        chosen = await _selected(backend, request)
        count = await _on_letters(backend, chosen, lambda queue, ids: PurgeDead(queue=queue, ids=ids))
        request.acted_on("dead-letters.purge", count=count, selection=dict(request.fields()))
        return {"purged": count}

    async def redrive_one(request: ApiRequest) -> Any:
        given = request.fields("topic", "step")
        queue = QueueName(str(given["topic"]), str(given["step"]))
        found = await _find(backend, _id(request.params["id"]), queue)
        edited = "data" in given
        message = _again(workspace, found, encoding.encode(given["data"]) if edited else found.payload)
        # One commit: the letter is gone exactly when the new message is there.
        gone = PurgeDead(queue=queue, ids=frozenset((found.id,)))
        await backend.commit(Batch([Enqueue(message), gone]))
        workspace.engine.stored([message])
        request.acted_on("dead-letters.redrive", id=request.params["id"], edited=edited)
        return sent([message])

    return [
        Route("GET", "/queues", queues),
        Route("POST", "/queues/pause", pause),
        Route("POST", "/queues/resume", resume),
        Route("GET", "/scheduled", scheduled),
        Route("GET", "/dead-letters", letters),
        Route("GET", "/dead-letters/groups", groups),
        Route("GET", "/dead-letters/:id", letter),
        Route("POST", "/dead-letters/redrive", redrive),
        Route("POST", "/dead-letters/purge", purge),
        Route("POST", "/dead-letters/:id/redrive", redrive_one),
    ]


async def queue_documents(workspace: Workspace) -> list[dict[str, Any]]:
    """Every queue of the registry and every other that holds something."""
    registry = workspace.registry
    depths = {depth.queue: depth for depth in await workspace.engine.backend.queue.depths()}
    names = [
        name
        for name in {*registry.queues, *depths}
        # A queue for messages by name is of no interest while it is empty.
        if name.topic != MANUAL_TOPIC or _holds(depths.get(name))
    ]
    pauses = await workspace.engine.backend.queue.pauses()
    return [
        {
            **_queue_document(registry, name, depths.get(name)),
            "paused": any(pause.holds(name) for pause in pauses),
        }
        for name in sorted(names)
    ]


def letter_document(letter: DeadLetter) -> dict[str, Any]:
    """A dead letter with all that is known of it."""
    error = encoding.decode(letter.error) if letter.error else None
    return {
        "id": format_id(letter.id),
        "topic": letter.queue.topic,
        "step": letter.queue.step,
        "code": letter.code,
        "error": error,
        "earlier_errors": [encoding.decode(line) for line in letter.errors.splitlines() if line.strip()],
        "data": encoding.decode(letter.payload),
        "failures": letter.failures,
        "crashes": letter.crashes,
        "group": letter.group,
        "enqueued_at_ms": letter.enqueued_at_ms,
        "died_at_ms": letter.died_at_ms,
        "trace_id": letter.trace.trace_id,
        "cause": _cause(letter, error),
    }


def _queue_document(registry: Registry, name: QueueName, depth: QueueDepth | None) -> dict[str, Any]:
    entry = registry.queues.get(name)
    depth = depth or QueueDepth(queue=name)
    kind = "manual"
    if entry is not None and entry.trigger_index is not None:
        kind = entry.step.triggers[entry.trigger_index].kind
    return {
        "topic": name.topic,
        "step": name.step,
        "kind": kind,
        "defined": entry is not None,
        "policy": None if entry is None else policy_document(entry.policy),
        "ready": depth.ready,
        "scheduled": depth.scheduled,
        "blocked": depth.blocked,
        "claimed": depth.claimed,
        "dead": depth.dead,
        "oldest_ready_at_ms": depth.oldest_ready_at_ms,
    }


def _holds(depth: QueueDepth | None) -> bool:
    return depth is not None and bool(
        depth.ready or depth.scheduled or depth.blocked or depth.claimed or depth.dead
    )


def _cause(letter: DeadLetter, error: Any) -> str:
    fields = error if isinstance(error, Mapping) else {}
    return cause_of(
        letter.queue.step, letter.code, str(fields.get("type", "")), str(fields.get("message", ""))
    )


async def _pages(
    backend: Backend, wanted: Callable[[DeadLetter], bool], before_seq: int | None = None
) -> AsyncIterator[DeadLetter]:
    """The letters that are wanted, the newest first, of the newest ten thousand."""
    looked_at = 0
    while looked_at < _MOST_LOOKED_AT:
        page = await backend.queue.dead_letters(limit=_PAGE, before_seq=before_seq)
        for letter in page:
            if wanted(letter):
                yield letter
        if len(page) < _PAGE:
            return
        looked_at += len(page)
        before_seq = page[-1].seq


def _wanted(request: ApiRequest) -> Callable[[DeadLetter], bool]:
    topic, step, code = request.query.get("topic"), request.text("step"), request.text("code")
    cause, text = request.text("group"), (request.text("text") or "").lower().encode()

    def wanted(letter: DeadLetter) -> bool:
        if topic not in (None, letter.queue.topic) or step not in (None, letter.queue.step):
            return False
        if code not in (None, letter.code):
            return False
        if text and text not in letter.payload.lower() and text not in letter.error.lower():
            return False
        return cause is None or cause == letter_document(letter)["cause"]

    return wanted


async def _letters(backend: Backend, request: ApiRequest) -> dict[str, Any]:
    before_seq = request.whole("cursor")
    wanted, limit = _wanted(request), request.limit
    found: list[DeadLetter] = []
    total = 0
    # The count is of the same walk as the rows: they cannot disagree.
    async for letter in _pages(backend, wanted):
        total += 1
        if len(found) <= limit and (before_seq is None or letter.seq < before_seq):
            found.append(letter)
    more = len(found) > limit
    rows = found[:limit]
    items = [letter_document(letter) for letter in rows]
    return {**page_of(items, rows[-1].seq if more else None), "total": total}


async def _groups(backend: Backend, wanted: Callable[[DeadLetter], bool]) -> list[dict[str, Any]]:
    groups: dict[tuple[str, str], dict[str, Any]] = {}
    async for letter in _pages(backend, wanted):
        error = encoding.decode(letter.error) if letter.error else {}
        cause = _cause(letter, error)
        group = groups.get((cause, letter.queue.topic))
        if group is None:
            groups[cause, letter.queue.topic] = {
                "cause": cause,
                "topic": letter.queue.topic,
                "step": letter.queue.step,
                "code": letter.code,
                "type": str(error.get("type", "")),
                "message": normal(str(error.get("message", ""))),
                "count": 1,
                "first_ms": letter.died_at_ms,
                "last_ms": letter.died_at_ms,
                "sample_id": format_id(letter.id),
            }
            continue
        group["count"] += 1
        group["first_ms"] = min(group["first_ms"], letter.died_at_ms)
    return sorted(groups.values(), key=lambda group: -int(group["count"]))


async def _find(backend: Backend, wanted: MessageId, queue: QueueName | None) -> DeadLetter:
    async for letter in _pages(
        backend, lambda one: one.id == wanted and (queue is None or one.queue == queue)
    ):
        return letter
    raise unknown("dead letter", format_id(wanted), "queue.unknown_letter")


async def _selected(backend: Backend, request: ApiRequest) -> dict[QueueName, list[MessageId]]:
    """Ids of the letters that a selection means, by queue."""
    given = request.fields()
    known = {
        name: given[name] for name in ("ids", "topic", "step", "cause", "all") if given.get(name) is not None
    }
    if not known:
        raise invalid("body", "ids, topic, step, cause or all", dict(given))
    ids = None
    if "ids" in known:
        if not isinstance(known["ids"], list):
            raise invalid("body.ids", "a list of ids", known["ids"])
        ids = {_id(str(text)) for text in known["ids"]}

    def wanted(letter: DeadLetter) -> bool:
        return (
            (ids is None or letter.id in ids)
            and known.get("topic") in (None, letter.queue.topic)
            and known.get("step") in (None, letter.queue.step)
            and ("cause" not in known or known["cause"] == letter_document(letter)["cause"])
        )

    chosen: dict[QueueName, list[MessageId]] = {}
    async for letter in _pages(backend, wanted):
        chosen.setdefault(letter.queue, []).append(letter.id)
    return chosen


async def _on_letters(
    backend: Backend,
    chosen: Mapping[QueueName, list[MessageId]],
    operation: Callable[[QueueName, frozenset[MessageId]], Operation],
) -> int:
    total = 0
    for queue, ids in chosen.items():
        for start in range(0, len(ids), _IDS_PER_BATCH):
            part = frozenset(ids[start : start + _IDS_PER_BATCH])
            (count,) = await backend.commit(Batch([operation(queue, part)]))
            total += count
    return total


def _again(workspace: Workspace, letter: DeadLetter, payload: bytes) -> NewMessage:
    engine = workspace.engine
    most = workspace.settings.limits.message_bytes
    if len(payload) > most:
        raise InputError(
            f"body.data: expected at most {most} bytes, got {len(payload)}",
            code="message.too_large",
            status=413,
        )
    return NewMessage(
        id=engine.ids.message_id(),
        queue=letter.queue,
        payload=payload,
        # In the trace of the letter, so that what failed and what was done about it stand together.
        trace=TraceContext(letter.trace.trace_id, letter.trace.span_id, 0),
        enqueued_at_ms=engine.clock.now_ms(),
        group=letter.group,
        attributes=letter.attributes,
    )


def _queue_of(request: ApiRequest) -> tuple[str, str]:
    given = request.fields("topic", "step")
    return str(given["topic"]), str(given["step"])


def _id(text: str) -> MessageId:
    try:
        return parse_id(text)
    except ValueError as error:
        raise invalid("id", "the id of a message", text) from error
