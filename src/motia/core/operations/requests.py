"""Requests with an idempotency key."""

from __future__ import annotations

from dataclasses import dataclass

from motia.core.message import NodeId


@dataclass(frozen=True, slots=True)
class RecordedResponse:
    """A response as it was sent."""

    status: int
    headers: bytes
    """JSON: list of [name, value]."""
    body: bytes


@dataclass(slots=True, kw_only=True)
class BeginRequest:
    """A request with an idempotency key begins. Result: None = run it, nobody has; `RecordedResponse` = the
    answer of the first; "in_flight" = it runs now, on a node that lives; "mismatch" = the key came with
    another request. What a dead node began counts as never begun."""

    scope: str
    key: str
    fingerprint: bytes
    node: NodeId
    now_ms: int
    expires_at_ms: int


@dataclass(slots=True, kw_only=True)
class EndRequest:
    """It ended with this response; None = forget it, so that a repeat runs. Only for the node that began it.
    Result: None."""

    scope: str
    key: str
    node: NodeId
    response: RecordedResponse | None
