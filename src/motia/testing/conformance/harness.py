"""Nodes over one storage, and the messages they send, for the checks of this suite."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from motia.backends.protocol import Backend
from motia.core.batch import (
    Batch,
    ClaimReady,
    Completed,
    Died,
    Enqueue,
    Guard,
    Operation,
    RegisterNode,
    Rescheduled,
    Settle,
    WantedQueue,
)
from motia.core.flow import Limits
from motia.core.message import Claim, NewMessage, NodeId, QueueDepth, QueueName, TraceContext

MakeBackend = Callable[[NodeId], Awaitable[Backend]]
"""Makes a backend that is not yet open, for a node. Calls of one test share the storage."""

Q = QueueName("orders", "bill")
OTHER = QueueName("orders", "ship")
TRACE = TraceContext("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", 2)
NOW_MS = 1_700_000_000_000
ERROR = b'{"code":"handler.raised","message":"no"}'
F = TypeVar("F", bound=Callable[..., Any])


class Node:
    """One open backend and its id."""

    def __init__(self, backend: Backend, id_: NodeId) -> None:
        self.backend = backend
        self.id = id_

    async def commit(self, *operations: Operation, guards: Sequence[Guard] = ()) -> list[Any]:
        """The results of one batch."""
        results: list[Any] = await self.backend.commit(Batch(operations, guards))
        return results

    async def one(self, operation: Operation) -> Any:
        """The result of a batch of one operation."""
        return (await self.commit(operation))[0]

    async def claim(
        self,
        *queues: QueueName,
        limit: int = 100,
        concurrency: int | None = None,
        max_bytes: int = 1_000_000,
    ) -> list[Claim]:
        """What this node gets from `queues`, or from `Q`."""
        wanted = [WantedQueue(queue, limit, Limits(concurrency=concurrency)) for queue in queues or (Q,)]
        claims: list[Claim] = await self.one(ClaimReady(node=self.id, wanted=wanted, max_bytes=max_bytes))
        return claims

    async def depth(self, queue: QueueName = Q) -> QueueDepth:
        """Counts of one queue; all 0 if the backend does not know it."""
        found = {depth.queue: depth for depth in await self.backend.queue.depths()}
        return found.get(queue, QueueDepth(queue=queue))


class Nodes:
    """The nodes of one check."""

    def __init__(self, make_backend: MakeBackend) -> None:
        self._make_backend = make_backend
        self._open: list[Node] = []
        self._ids = 0

    async def open(self) -> Node:
        """A new node, registered."""
        node_id = self.id()
        backend = await self._make_backend(node_id)
        await backend.open()
        node = Node(backend, node_id)
        self._open.append(node)
        await node.one(RegisterNode(node=node_id, pid=1, started_at_ms=NOW_MS))
        return node

    async def close(self) -> None:
        """Close all that are open; a later `open` begins over what they left."""
        while self._open:
            await self._open.pop().backend.close()

    def id(self) -> bytes:
        """16 bytes, never the same twice within a check."""
        self._ids += 1
        return self._ids.to_bytes(16, "big")

    def message(self, payload: bytes = b"{}", queue: QueueName = Q, **fields: Any) -> NewMessage:
        """A new message; `fields` as in `NewMessage`."""
        fields = {"id": self.id(), "trace": TRACE, "enqueued_at_ms": NOW_MS, **fields}
        return NewMessage(queue=queue, payload=payload, **fields)

    def enqueue(self, payload: bytes = b"{}", queue: QueueName = Q, **fields: Any) -> Enqueue:
        return Enqueue(self.message(payload, queue, **fields))


@dataclass(frozen=True, slots=True)
class Check:
    """One promise; its name says which."""

    name: str
    body: Callable[[Nodes], Awaitable[None]]

    async def run(self, make_backend: MakeBackend) -> None:
        """Raises `AssertionError`, or what the backend raised, if the promise is broken."""
        nodes = Nodes(make_backend)
        try:
            await self.body(nodes)
        finally:
            await nodes.close()

    def __str__(self) -> str:
        return self.name


def needs(*capabilities: str) -> Callable[[F], F]:
    """Only for backends that declare these capabilities."""

    def mark(check: F) -> F:
        check.needs = capabilities  # type: ignore[attr-defined]  # read by `checks`
        return check

    return mark


def payloads(claims: Sequence[Claim]) -> list[bytes]:
    return [claim.payload for claim in claims]


def complete(claim: Claim) -> Settle:
    return Settle(claim, Completed())


def retry(claim: Claim, due_at_ms: int | None = None, failures: int = 1, error: bytes = ERROR) -> Settle:
    return Settle(claim, Rescheduled(due_at_ms, failures, error))


def die(claim: Claim, at_ms: int = NOW_MS, code: str = "handler.raised") -> Settle:
    return Settle(claim, Died(code, ERROR, claim.failures + 1, at_ms))


async def raised_by(awaitable: Awaitable[Any], kind: type[Exception]) -> Any:
    """The exception of that kind that the awaitable raises."""
    try:
        result = await awaitable
    except kind as error:
        return error
    raise AssertionError(f"expected {kind.__name__}, got the result {result!r}")
