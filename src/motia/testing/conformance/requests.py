"""Requests with an idempotency key (R11)."""

from __future__ import annotations

import asyncio
from typing import Any

from motia.core.batch import BeginRequest, EndRequest, Expire, RecordedResponse, RecoverNode
from motia.testing.conformance.harness import ERROR, NOW_MS, Node, Nodes, needs

_RESPONSE = RecordedResponse(201, b'[["content-type","text/plain"]]', b"done")


def _begin(node: Node, fingerprint: bytes = b"f", now_ms: int = NOW_MS) -> BeginRequest:
    return BeginRequest(
        scope="POST /orders",
        key="k",
        fingerprint=fingerprint,
        node=node.id,
        now_ms=now_ms,
        expires_at_ms=now_ms + 1000,
    )


def _end(node: Node, response: RecordedResponse | None = _RESPONSE) -> EndRequest:
    return EndRequest(scope="POST /orders", key="k", node=node.id, response=response)


async def the_first_request_runs_and_its_repeats_get_its_response(nodes: Nodes) -> None:
    node = await nodes.open()
    assert await node.one(_begin(node)) is None
    assert await node.one(_begin(node)) == "in_flight"
    await node.commit(_end(node))
    assert await node.one(_begin(node)) == _RESPONSE
    await node.commit(_end(node, RecordedResponse(500, b"[]", b"late")))
    assert await node.one(_begin(node)) == _RESPONSE


async def another_request_with_the_key_is_refused(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(_begin(node))
    assert await node.one(_begin(node, b"other")) == "mismatch"
    await node.commit(_end(node))
    assert await node.one(_begin(node, b"other")) == "mismatch"


async def a_request_that_is_forgotten_runs_again(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(_begin(node), _end(node, None))
    assert await node.one(_begin(node, b"other")) is None


@needs("shared")
async def what_a_dead_node_began_runs_again(nodes: Nodes) -> None:
    node, other = await nodes.open(), await nodes.open()
    await node.commit(_begin(node))
    assert await other.one(_begin(other)) == "in_flight"
    await other.commit(RecoverNode(node.id, None, 3, NOW_MS, ERROR))
    assert await other.one(_begin(other)) is None
    # What the dead one would still say is not recorded.
    await node.commit(_end(node))
    assert await other.one(_begin(other)) == "in_flight"


async def a_response_is_kept_for_its_window(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(_begin(node), _end(node))
    assert await node.one(_begin(node, now_ms=NOW_MS + 999)) == _RESPONSE
    assert await node.one(_begin(node, b"other", NOW_MS + 1000)) is None
    assert await node.one(Expire(NOW_MS + 1999)) == 0
    assert await node.one(Expire(NOW_MS + 2000)) == 1


@needs("shared")
async def of_many_at_once_one_runs(nodes: Nodes) -> None:
    team = [await nodes.open() for _ in range(3)]
    results: list[Any] = await asyncio.gather(*(node.one(_begin(node)) for node in team * 10))
    assert results.count(None) == 1
    assert results.count("in_flight") == 29
