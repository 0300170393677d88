"""Limits of concurrency and rate, of queues and of keys, for what waits and what is claimed when stored."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from motia.core.batch import (
    ClaimReady,
    Enqueue,
    PromoteDue,
    Unclaim,
    WantedQueue,
)
from motia.core.flow import Flow, Limits, RateWindow
from motia.core.message import Claim
from motia.errors import ConflictError
from motia.testing.conformance.harness import (
    NOW_MS,
    OTHER,
    Node,
    Nodes,
    Q,
    complete,
    die,
    needs,
    payloads,
    retry,
)


@dataclass(frozen=True)
class Asking:
    """How a queue with limits is asked."""

    key_concurrency: int | None = None
    rate: RateWindow | None = None
    limit: int = 100
    concurrency: int | None = None

    @property
    def limits(self) -> Limits:
        return Limits(concurrency=self.concurrency, key_concurrency=self.key_concurrency, rate=self.rate)

    async def take(self, node: Node, now_ms: int = NOW_MS) -> list[Claim]:
        want = WantedQueue(Q, self.limit, self.limits)
        found: list[Claim] = await node.one(
            ClaimReady(node=node.id, wanted=[want], max_bytes=1_000_000, now_ms=now_ms)
        )
        return found

    async def store(self, nodes: Nodes, node: Node, *payloads: bytes, now_ms: int = NOW_MS) -> list[bytes]:
        """What `node` gets of messages that it stores at the same time; their first letter is their key."""
        stored = await asyncio.gather(*(node.one(self.new(nodes, node, text, now_ms)) for text in payloads))
        return [claim.payload for claim in stored if claim is not None]

    def new(self, nodes: Nodes, node: Node, payload: bytes, now_ms: int = NOW_MS) -> Enqueue:
        """A message that `node` may have as it is stored."""
        key = payload[:1].decode()
        flow = Flow(concurrency_key=key, rate_key=key)
        return nodes.enqueue(payload, claim_for=node.id, limits=self.limits, flow=flow, enqueued_at_ms=now_ms)


def _keyed(nodes: Nodes, payload: bytes, key: str, **fields: Any) -> Enqueue:
    return nodes.enqueue(payload, flow=Flow(concurrency_key=key), **fields)


def _rated(nodes: Nodes, payload: bytes, key: str) -> Enqueue:
    return nodes.enqueue(payload, flow=Flow(rate_key=key))


async def one_key_never_has_more_claims_than_its_concurrency(nodes: Nodes) -> None:
    node = await nodes.open()
    asking = Asking(key_concurrency=2)
    await node.commit(*(_keyed(nodes, f"a{number}".encode(), "a") for number in range(5)))
    await node.commit(_keyed(nodes, b"b0", "b"))
    first = await asking.take(node)
    assert payloads(first) == [b"a0", b"a1", b"b0"]
    assert await asking.take(node) == []
    await node.commit(complete(first[1]))
    assert payloads(await asking.take(node)) == [b"a2"]
    await node.commit(complete(first[2]))
    assert await asking.take(node) == []


async def places_that_end_at_the_same_time_go_to_as_many_of_their_keys(nodes: Nodes) -> None:
    node = await nodes.open()
    asking = Asking(key_concurrency=2)
    names = [f"{key}{number}" for number in range(6) for key in "ab"]
    await asyncio.gather(*(node.commit(_keyed(nodes, name.encode(), name[0])) for name in names))
    done: list[Claim] = []
    while claims := await asking.take(node):
        assert payloads(claims) == [name.encode() for name in names[len(done) : len(done) + 4]]
        await asyncio.gather(*(node.commit(complete(claim)) for claim in claims))
        done += claims
    assert len(done) == len(names)


async def what_waits_for_its_key_is_counted_as_limited(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(*(_keyed(nodes, b"%d" % number, "a") for number in range(3)))
    claims = await Asking(key_concurrency=1).take(node)
    depth = await node.depth()
    assert (depth.claimed, depth.limited, depth.ready) == (1, 2, 0)
    await node.commit(complete(claims[0]))
    depth = await node.depth()
    assert depth.limited + depth.ready == 2


async def a_key_goes_on_when_its_message_fails_dies_or_is_given_back(nodes: Nodes) -> None:
    node = await nodes.open()
    asking = Asking(key_concurrency=1)
    await node.commit(*(_keyed(nodes, b"%d" % number, "a") for number in range(4)))
    [claim] = await asking.take(node)
    await node.commit(retry(claim, due_at_ms=NOW_MS + 1000))
    [claim] = await asking.take(node)
    assert claim.payload == b"1"
    await node.commit(die(claim))
    [claim] = await asking.take(node)
    assert claim.payload == b"2"
    await node.commit(Unclaim([claim]))
    [claim] = await asking.take(node)
    assert claim.payload == b"2"
    await node.commit(complete(claim), PromoteDue(NOW_MS + 1000))
    assert payloads(await asking.take(node)) in ([b"0"], [b"3"])


async def a_newer_message_of_a_key_does_not_overtake_those_that_wait(nodes: Nodes) -> None:
    node = await nodes.open()
    asking = Asking(key_concurrency=1)
    await node.commit(_keyed(nodes, b"1", "a"), _keyed(nodes, b"2", "a"))
    [claim] = await asking.take(node)
    assert await asking.take(node) == []
    await node.commit(_keyed(nodes, b"3", "a"), complete(claim))
    [claim] = await asking.take(node)
    assert claim.payload == b"2"
    await node.commit(complete(claim))
    assert payloads(await asking.take(node)) == [b"3"]


async def the_more_urgent_of_a_key_goes_first_when_the_key_has_room(nodes: Nodes) -> None:
    node = await nodes.open()
    asking = Asking(key_concurrency=1)
    await node.commit(_keyed(nodes, b"1", "a"), _keyed(nodes, b"2", "a"))
    [claim] = await asking.take(node)
    await node.commit(nodes.enqueue(b"3", flow=Flow(concurrency_key="a", priority=9)))
    assert await asking.take(node) == []
    await node.commit(complete(claim))
    assert payloads(await asking.take(node)) == [b"3"]


async def a_raised_limit_lets_more_of_a_key_start(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(*(_keyed(nodes, b"%d" % number, "a") for number in range(6)))
    [claim] = await Asking(key_concurrency=1).take(node)
    await node.commit(complete(claim))
    taken = await Asking(key_concurrency=3).take(node)
    assert payloads(taken) == [b"1", b"2", b"3"]


async def without_the_limit_what_waited_for_it_is_free(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(*(_keyed(nodes, b"%d" % number, "a") for number in range(4)))
    [claim] = await Asking(key_concurrency=1).take(node)
    assert payloads(await node.claim()) == [b"1", b"2", b"3"]
    await node.commit(complete(claim))


@needs("shared")
async def a_keys_concurrency_holds_over_all_nodes(nodes: Nodes) -> None:
    team = [await nodes.open() for _ in range(3)]
    asking = Asking(key_concurrency=2)
    await team[0].commit(*(_keyed(nodes, b"%d" % number, "a") for number in range(6)))
    assert [len(await asking.take(node)) for node in team] == [2, 0, 0]


async def the_concurrency_of_the_queue_holds_beside_that_of_keys(nodes: Nodes) -> None:
    node = await nodes.open()
    asking = Asking(key_concurrency=1, concurrency=2)
    await node.commit(*(_keyed(nodes, b"%d" % number, str(number)) for number in range(5)))
    taken = await asking.take(node)
    assert payloads(taken) == [b"0", b"1"]
    await node.commit(complete(taken[0]))
    assert payloads(await asking.take(node)) == [b"2"]


async def a_rate_is_never_exceeded_within_any_period(nodes: Nodes) -> None:
    node = await nodes.open()
    asking = Asking(rate=RateWindow(limit=3, period_ms=1000, keyed=False))
    await node.commit(*(nodes.enqueue(b"%d" % number) for number in range(10)))
    assert payloads(await asking.take(node)) == [b"0", b"1", b"2"]
    assert await node.backend.queue.next_due_at_ms() == NOW_MS + 1000
    assert await asking.take(node, NOW_MS + 999) == []
    assert await node.one(PromoteDue(NOW_MS + 999)) == 0
    assert await node.one(PromoteDue(NOW_MS + 1000)) > 0
    assert payloads(await asking.take(node, NOW_MS + 1000)) == [b"3", b"4", b"5"]
    assert await asking.take(node, NOW_MS + 1500) == []
    assert payloads(await asking.take(node, NOW_MS + 2000)) == [b"6", b"7", b"8"]


async def starts_that_were_spread_free_the_rate_one_by_one(nodes: Nodes) -> None:
    node = await nodes.open()
    asking = Asking(rate=RateWindow(limit=2, period_ms=1000, keyed=False), limit=1)
    await node.commit(*(nodes.enqueue(b"%d" % number) for number in range(5)))
    assert len(await asking.take(node, NOW_MS)) == 1
    assert len(await asking.take(node, NOW_MS + 600)) == 1
    assert len(await asking.take(node, NOW_MS + 999)) == 0
    assert len(await asking.take(node, NOW_MS + 1000)) == 1
    assert len(await asking.take(node, NOW_MS + 1100)) == 0
    assert len(await asking.take(node, NOW_MS + 1600)) == 1


async def a_rate_by_key_counts_each_key_apart(nodes: Nodes) -> None:
    node = await nodes.open()
    asking = Asking(rate=RateWindow(limit=1, period_ms=1000, keyed=True))
    await node.commit(*(_rated(nodes, f"a{number}".encode(), "a") for number in range(3)))
    await node.commit(_rated(nodes, b"b0", "b"))
    assert payloads(await asking.take(node)) == [b"a0", b"b0"]
    assert (await node.depth()).limited == 2
    assert await asking.take(node, NOW_MS + 500) == []
    assert await node.one(PromoteDue(NOW_MS + 1000)) > 0
    assert payloads(await asking.take(node, NOW_MS + 1000)) == [b"a1"]
    assert await node.one(PromoteDue(NOW_MS + 2000)) > 0
    assert payloads(await asking.take(node, NOW_MS + 2000)) == [b"a2"]


@needs("shared")
async def a_rate_holds_over_all_nodes(nodes: Nodes) -> None:
    team = [await nodes.open() for _ in range(3)]
    asking = Asking(rate=RateWindow(limit=4, period_ms=1000, keyed=False), limit=3)
    await team[0].commit(*(nodes.enqueue(b"%d" % number) for number in range(10)))
    assert [len(await asking.take(node)) for node in team] == [3, 1, 0]


async def a_clock_set_back_holds_a_rate_for_a_period_at_most(nodes: Nodes) -> None:
    node = await nodes.open()
    asking = Asking(rate=RateWindow(limit=1, period_ms=1000, keyed=False))
    await node.commit(*(nodes.enqueue(b"%d" % number) for number in range(3)))
    assert len(await asking.take(node, NOW_MS)) == 1
    assert len(await asking.take(node, NOW_MS - 86_400_000)) == 1


async def thousands_behind_a_busy_key_do_not_keep_others_back(nodes: Nodes) -> None:
    node = await nodes.open()
    asking = Asking(key_concurrency=1, limit=10)
    await node.commit(*(_keyed(nodes, b"a", "a") for _ in range(2500)))
    await node.commit(_keyed(nodes, b"b", "b"))
    found: list[bytes] = []
    for _ in range(5):
        found += payloads(await asking.take(node))
    assert sorted(found) == [b"a", b"b"]


async def a_new_message_is_claimed_where_its_key_has_room(nodes: Nodes) -> None:
    node = await nodes.open()
    asking = Asking(key_concurrency=2)
    assert await asking.store(nodes, node, b"a1", b"a2", b"b1", b"a3", b"b2") == [b"a1", b"a2", b"b1", b"b2"]
    depth = await node.depth()
    assert (depth.claimed, depth.limited, depth.ready) == (4, 1, 0)
    # What waits for a busy key keeps no other back.
    assert await asking.store(nodes, node, b"c1") == [b"c1"]
    assert await asking.take(node) == []


async def a_new_message_of_a_key_goes_after_those_that_wait(nodes: Nodes) -> None:
    node = await nodes.open()
    asking = Asking(key_concurrency=1)
    first = await node.one(asking.new(nodes, node, b"a1"))
    assert await asking.store(nodes, node, b"a2", b"a3") == []
    [_, fourth] = await node.commit(complete(first), asking.new(nodes, node, b"a4"))
    assert fourth is None
    for expected in (b"a2", b"a3", b"a4"):
        [claim] = await asking.take(node)
        assert claim.payload == expected
        await node.commit(complete(claim))


async def a_new_message_counts_for_the_rate_of_its_queue(nodes: Nodes) -> None:
    node = await nodes.open()
    asking = Asking(rate=RateWindow(limit=3, period_ms=1000, keyed=False))
    assert await asking.store(nodes, node, b"1", b"2") == [b"1", b"2"]
    assert await asking.store(nodes, node, b"3", b"4", b"5", now_ms=NOW_MS + 500) == [b"3"]
    assert await asking.take(node, NOW_MS + 999) == []
    assert await node.backend.queue.next_due_at_ms() == NOW_MS + 1000
    assert await node.one(PromoteDue(NOW_MS + 1000)) > 0
    # Older ones wait: what is new goes after them.
    assert await asking.store(nodes, node, b"6", now_ms=NOW_MS + 1000) == []
    assert payloads(await asking.take(node, NOW_MS + 1000)) == [b"4", b"5"]
    assert payloads(await asking.take(node, NOW_MS + 1500)) == [b"6"]


async def a_new_message_counts_for_the_rate_of_its_key(nodes: Nodes) -> None:
    node = await nodes.open()
    asking = Asking(rate=RateWindow(limit=1, period_ms=1000, keyed=True))
    assert await asking.store(nodes, node, b"a1", b"b1") == [b"a1", b"b1"]
    assert await asking.store(nodes, node, b"a2", b"a3") == []
    assert await asking.take(node, NOW_MS + 500) == []
    assert await asking.store(nodes, node, b"c1", now_ms=NOW_MS + 500) == [b"c1"]
    assert await node.one(PromoteDue(NOW_MS + 1000)) > 0
    assert payloads(await asking.take(node, NOW_MS + 1000)) == [b"a2"]
    assert await node.one(PromoteDue(NOW_MS + 2000)) > 0
    assert payloads(await asking.take(node, NOW_MS + 2000)) == [b"a3"]


async def a_new_message_counts_for_the_concurrency_of_its_queue(nodes: Nodes) -> None:
    node = await nodes.open()
    asking = Asking(key_concurrency=1, concurrency=2)
    assert await asking.store(nodes, node, b"a1", b"b1", b"c1") == [b"a1", b"b1"]
    assert await asking.take(node) == []


async def what_a_failed_batch_would_have_claimed_counts_for_nothing(nodes: Nodes) -> None:
    node = await nodes.open()
    asking = Asking(key_concurrency=1, rate=RateWindow(limit=1, period_ms=1000, keyed=True))
    lost = await node.one(nodes.enqueue(b"x", OTHER, claim_for=node.id))
    await node.commit(complete(lost))
    results = await asyncio.gather(
        node.commit(asking.new(nodes, node, b"a1"), complete(lost)),
        node.commit(asking.new(nodes, node, b"a2")),
        return_exceptions=True,
    )
    assert isinstance(results[0], ConflictError)
    [claim] = results[1] if isinstance(results[1], list) else []
    assert claim.payload == b"a2"


async def a_message_that_is_repeated_counts_for_its_rate_once(nodes: Nodes) -> None:
    node = await nodes.open()
    asking = Asking(rate=RateWindow(limit=2, period_ms=1000, keyed=False))
    first = asking.new(nodes, node, b"1")
    assert (await node.one(first)).payload == b"1"
    assert await node.one(first) is None
    assert await asking.store(nodes, node, b"2") == [b"2"]


@needs("shared")
async def limits_hold_for_what_several_nodes_store(nodes: Nodes) -> None:
    team = [await nodes.open() for _ in range(3)]
    asking = Asking(key_concurrency=2, rate=RateWindow(limit=3, period_ms=1000, keyed=False))
    found = [await asking.store(nodes, node, b"a", b"a", b"b") for node in team]
    assert [len(claims) for claims in found] == [3, 0, 0]
