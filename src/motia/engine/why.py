"""Gathers what `queue.why` needs to explain a message."""

from __future__ import annotations

from collections.abc import Sequence

from motia.backends.protocol import Backend
from motia.core.message import MessageId, StoredMessage
from motia.core.registry import Registry
from motia.core.workflow import JournalEntry, RunId, is_open
from motia.queue.why import Facts, Reason, explain


async def why(
    backend: Backend, registry: Registry, id_: MessageId, now_ms: int
) -> Sequence[tuple[StoredMessage, list[Reason]]]:
    """The message in each queue that holds it, with what keeps it from running there; empty when it has
    ended."""
    return [
        (message, explain(message, await _facts(backend, registry, message, now_ms)))
        for message in await backend.queue.messages(id_)
    ]


async def _facts(backend: Backend, registry: Registry, message: StoredMessage, now_ms: int) -> Facts:
    store = backend.queue
    entry = registry.queues.get(message.queue)
    head = None
    if message.status == "blocked" and message.group is not None:
        head = await store.head_of_group(message.queue, message.group)
    key = message.concurrency_key if message.awaits == "key" else None
    holders: list[StoredMessage] = []
    if key is not None or (entry is not None and entry.policy.concurrency is not None):
        holders = await store.running(message.queue, concurrency_key=key)
    keyed = entry is not None and entry.policy.rate_limit is not None and entry.policy.rate_limit.key
    claimed = 0
    if entry is not None and entry.policy.starts_when_claimed:
        claimed = sum(depth.claimed for depth in await store.depths())
    return Facts(
        now_ms=now_ms,
        policy=None if entry is None else entry.policy,
        nodes={node: pid for node, pid, _ in await store.nodes()},
        pauses=await store.pauses(),
        head=head,
        holders=holders,
        ready_before=await store.ready_before(message) if message.status == "ready" else 0,
        waits=await _waits(backend, message, now_ms),
        claimed=claimed,
        rate_free_at_ms=await store.rate_free_at_ms(message.queue, (message.rate_key or "") if keyed else ""),
    )


async def _waits(backend: Backend, message: StoredMessage, now_ms: int) -> list[JournalEntry]:
    """What the run of a message waits for."""
    if message.status != "scheduled":
        return []
    entries = await backend.workflow.journal(RunId(message.id, message.queue.step))
    return [entry for entry in entries if is_open(entry, now_ms)]
