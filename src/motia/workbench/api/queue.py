"""Queues and what died in them: look, group, edit, send back, delete."""

from __future__ import annotations

from typing import Any

from motia.backends.protocol import Backend
from motia.core.batch import Batch, PauseQueues, ResumeQueues
from motia.core.ids import format_id, parse_id
from motia.core.message import DeadLetter, MessageId, QueueDepth, QueueName
from motia.core.registry import MANUAL_TOPIC, Registry
from motia.engine import dead_letters
from motia.http.router import Route
from motia.queue.dead_letters import DeadLetterQuery
from motia.workbench.api.documents import policy_document
from motia.workbench.api.run import sent
from motia.workbench.request import ApiRequest, Handler, invalid, page_of, unknown
from motia.workbench.workspace import Workspace


def routes(workspace: Workspace) -> list[Route[Handler]]:
    """`/queues`, `/scheduled`, `/dead-letters…`."""
    backend = workspace.engine.backend

    async def queues(_: ApiRequest) -> Any:
        return page_of(await queue_documents(workspace))

    async def scheduled(request: ApiRequest) -> Any:
        topic, step = request.query.get("topic"), request.text("step")
        queue = None if topic is None or step is None else QueueName(topic, step)
        found = await backend.queue.scheduled(queue, limit=request.limit)
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
        ]
        return page_of(items)

    async def letters(request: ApiRequest) -> Any:
        return await _letters(backend, request)

    async def groups(request: ApiRequest) -> Any:
        found = await backend.queue.dead_groups(_filter(request))
        return page_of([dead_letters.group_document(group) for group in found])

    async def letter(request: ApiRequest) -> Any:
        return dead_letters.letter_document(await _find(backend, request.params["id"], None))

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
        query, per_second = _selection(request), _rate(request)
        if request.fields().get("dry_run") is True:
            return dead_letters.forecast_document(
                await dead_letters.forecast(backend, workspace.registry, query)
            )
        now_ms = workspace.now_ms()
        count = await dead_letters.redrive(backend, query, now_ms=now_ms, per_second=per_second)
        if count and per_second is not None:
            workspace.engine.due_sooner(0.0)
        request.acted_on("dead-letters.redrive", count=count, selection=dict(request.fields()))
        return {"redriven": count}

    async def purge(request: ApiRequest) -> Any:
        count = await dead_letters.purge(backend, _selection(request))
        request.acted_on("dead-letters.purge", count=count, selection=dict(request.fields()))
        return {"purged": count}

    async def redrive_one(request: ApiRequest) -> Any:
        given = request.fields("topic", "step")
        queue = QueueName(str(given["topic"]), str(given["step"]))
        found = await _find(backend, request.params["id"], queue)
        edited = "data" in given
        request.acted_on("dead-letters.redrive", id=request.params["id"], edited=edited)
        if not edited:
            await dead_letters.redrive_as_it_is(backend, found)
            return {
                "message_id": format_id(found.id),
                "trace_id": found.trace.trace_id,
                "queues": [queue._asdict()],
                "warning": None,
            }
        message = await dead_letters.redrive_edited(
            backend,
            workspace.registry,
            found,
            given["data"],
            ids=workspace.engine.ids,
            now_ms=workspace.now_ms(),
            max_bytes=workspace.settings.limits.message_bytes,
        )
        workspace.engine.stored([message])
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
        "limited": depth.limited,
        "claimed": depth.claimed,
        "dead": depth.dead,
        "oldest_ready_at_ms": depth.oldest_ready_at_ms,
    }


def _holds(depth: QueueDepth | None) -> bool:
    return depth is not None and bool(
        depth.ready or depth.scheduled or depth.blocked or depth.limited or depth.claimed or depth.dead
    )


def _filter(request: ApiRequest) -> DeadLetterQuery:
    """The letters that the parameters of a list mean."""
    return DeadLetterQuery(
        topic=request.query.get("topic"),
        step=request.text("step"),
        code=request.text("code"),
        cause=request.text("group"),
        text=request.text("text"),
        died_since_ms=request.whole("since_ms"),
        died_before_ms=request.whole("before_ms"),
    )


async def _letters(backend: Backend, request: ApiRequest) -> dict[str, Any]:
    query, before_seq = _filter(request), request.whole("cursor")
    found = await backend.queue.dead_letters(query, limit=request.limit + 1, before_seq=before_seq)
    rows, more = found[: request.limit], len(found) > request.limit
    items = [dead_letters.letter_document(letter) for letter in rows]
    total = len(rows)
    if more or before_seq is not None:
        total = sum(group.count for group in await backend.queue.dead_groups(query))
    return {**page_of(items, rows[-1].seq if more else None), "total": total}


async def _find(backend: Backend, text: str, queue: QueueName | None) -> DeadLetter:
    found = await dead_letters.find(backend, _id(text), queue)
    if found is None:
        raise unknown("dead letter", text, "queue.unknown_letter")
    return found


_CHOICES = ("ids", "topic", "step", "code", "cause", "text", "since_ms", "before_ms", "all")


def _selection(request: ApiRequest) -> DeadLetterQuery:
    """The letters that a body means: an empty one means none."""
    given = request.fields()
    known = {name: given[name] for name in _CHOICES if given.get(name) is not None}
    if not known:
        raise invalid("body", f"one of {', '.join(_CHOICES)}", dict(given))
    ids = known.get("ids")
    if ids is not None and not isinstance(ids, list):
        raise invalid("body.ids", "a list of ids", ids)
    for name in ("topic", "step", "code", "cause", "text"):
        if not isinstance(known.get(name, ""), str):
            raise invalid(f"body.{name}", "a text", known[name])
    for name in ("since_ms", "before_ms"):
        if type(known.get(name, 0)) is not int:
            raise invalid(f"body.{name}", "epoch milliseconds", known[name])
    return DeadLetterQuery(
        ids=None if ids is None else frozenset(_id(str(text)) for text in ids),
        topic=known.get("topic"),
        step=known.get("step"),
        code=known.get("code"),
        cause=known.get("cause"),
        text=known.get("text"),
        died_since_ms=known.get("since_ms"),
        died_before_ms=known.get("before_ms"),
    )


def _rate(request: ApiRequest) -> float | None:
    """How many a second; None = all at once."""
    given = request.fields().get("per_second")
    if given is None:
        return None
    if type(given) not in (int, float) or not 0.001 <= given <= 100_000:
        raise invalid("body.per_second", "0.001 to 100,000", given)
    return float(given)


def _queue_of(request: ApiRequest) -> tuple[str, str]:
    given = request.fields("topic", "step")
    return str(given["topic"]), str(given["step"])


def _id(text: str) -> MessageId:
    try:
        return parse_id(text)
    except ValueError as error:
        raise invalid("id", "the id of a message", text) from error
