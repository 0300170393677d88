"""Order, duplicates, debouncing and expiry: what puts messages before others, off, or out."""

from __future__ import annotations

from motia.core.batch import Duplicate, Expire, PromoteDue, Replaced
from motia.core.flow import Flow
from motia.testing.conformance.harness import NOW_MS, OTHER, Nodes, complete, payloads, retry


async def the_higher_priority_is_claimed_first_then_the_older(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(
        nodes.enqueue(b"1"),
        nodes.enqueue(b"2", flow=Flow(priority=5)),
        nodes.enqueue(b"3", flow=Flow(priority=-1)),
        nodes.enqueue(b"4", flow=Flow(priority=5)),
    )
    assert payloads(await node.claim(limit=2)) == [b"2", b"4"]
    assert payloads(await node.claim()) == [b"1", b"3"]


async def a_message_with_the_key_of_an_earlier_one_is_not_stored(nodes: Nodes) -> None:
    node = await nodes.open()
    flow = Flow(dedupe_key="k", dedupe_until_ms=NOW_MS + 1000)
    first = nodes.message(b"1", flow=flow)
    [stored] = await node.commit(nodes.enqueue(b"1", id=first.id, flow=flow))
    assert stored is None
    [refused] = await node.commit(nodes.enqueue(b"2", flow=flow))
    assert refused == Duplicate(first.id)
    # Another queue has its own keys, and the same message is no duplicate of itself.
    assert await node.commit(nodes.enqueue(b"3", OTHER, flow=flow)) == [None]
    assert await node.commit(nodes.enqueue(b"1", id=first.id, flow=flow)) == [None]
    [claim] = await node.claim()
    await node.commit(complete(claim))
    assert await node.commit(nodes.enqueue(b"4", flow=flow)) == [Duplicate(first.id)]
    later = Flow(dedupe_key="k", dedupe_until_ms=NOW_MS + 2000)
    assert await node.commit(nodes.enqueue(b"5", enqueued_at_ms=NOW_MS + 1000, flow=later)) == [None]
    assert payloads(await node.claim()) == [b"5"]


async def keys_of_duplicates_are_forgotten_after_their_window(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(nodes.enqueue(b"1", flow=Flow(dedupe_key="k", dedupe_until_ms=NOW_MS + 1000)))
    assert await node.one(Expire(NOW_MS + 999)) == 0
    assert await node.one(Expire(NOW_MS + 1000)) == 1


async def a_debounced_message_takes_the_place_of_the_one_before(nodes: Nodes) -> None:
    node = await nodes.open()
    flow = Flow(debounce_key="a", debounce_by_ms=NOW_MS + 2500)
    first = nodes.message(b"1")
    await node.commit(nodes.enqueue(b"1", id=first.id, due_at_ms=NOW_MS + 1000, flow=flow))
    later = Flow(debounce_key="a", debounce_by_ms=NOW_MS + 9000)
    results = await node.commit(nodes.enqueue(b"2", due_at_ms=NOW_MS + 1900, flow=later))
    assert results == [Replaced(first.id)]
    assert await node.backend.queue.next_due_at_ms() == NOW_MS + 1900
    await node.commit(nodes.enqueue(b"3", due_at_ms=NOW_MS + 2800, flow=later))
    # Not put off for longer than the first of them allowed.
    assert await node.backend.queue.next_due_at_ms() == NOW_MS + 2500
    await node.commit(nodes.enqueue(b"x", due_at_ms=NOW_MS + 2800, flow=Flow(debounce_key="b")))
    await node.commit(PromoteDue(NOW_MS + 3000))
    assert payloads(await node.claim()) == [b"3", b"x"]


async def a_debounced_message_that_has_started_stays(nodes: Nodes) -> None:
    node = await nodes.open()
    flow = Flow(debounce_key="a")
    await node.commit(nodes.enqueue(b"1", due_at_ms=NOW_MS, flow=flow), PromoteDue(NOW_MS))
    [claim] = await node.claim()
    await node.commit(retry(claim, due_at_ms=NOW_MS + 500))
    assert await node.commit(nodes.enqueue(b"2", due_at_ms=NOW_MS + 500, flow=flow)) == [None]
    await node.commit(PromoteDue(NOW_MS + 500))
    assert payloads(await node.claim()) == [b"1", b"2"]


async def a_claim_says_when_its_message_expires(nodes: Nodes) -> None:
    node = await nodes.open()
    flow = Flow(expires_at_ms=NOW_MS + 5)
    claim = await node.one(nodes.enqueue(b"1", claim_for=node.id, flow=flow))
    assert claim.expires_at_ms == NOW_MS + 5
    await node.commit(nodes.enqueue(b"2", flow=flow))
    assert [claim.expires_at_ms for claim in await node.claim()] == [NOW_MS + 5]
