"""Taking messages: order, limits, and claims made in the commit that stores the message."""

from __future__ import annotations

import asyncio

from motia.core.batch import Batch, ClaimReady, Unclaim, WantedQueue
from motia.core.flow import Limits
from motia.core.message import Claim
from motia.testing.conformance.harness import NOW_MS, OTHER, Nodes, Q, complete, needs, payloads, retry


async def messages_are_claimed_oldest_first_within_a_queue(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(nodes.enqueue(b"1"), nodes.enqueue(b"x", OTHER), nodes.enqueue(b"2"))
    await node.commit(nodes.enqueue(b"3"))
    assert payloads(await node.claim(limit=2)) == [b"1", b"2"]
    assert payloads(await node.claim(Q, OTHER)) == [b"3", b"x"]
    assert await node.claim(Q, OTHER) == []


async def a_limit_of_zero_takes_nothing(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(nodes.enqueue(b"1"))
    assert await node.claim(limit=0) == []
    assert await node.claim(max_bytes=0) == []
    assert payloads(await node.claim()) == [b"1"]


async def claiming_stops_once_the_bytes_are_reached(nodes: Nodes) -> None:
    node = await nodes.open()
    big = b'"' + b"x" * 98 + b'"'
    await node.commit(*(nodes.enqueue(big) for _ in range(4)), nodes.enqueue(big, OTHER))
    assert len(await node.claim(Q, OTHER, max_bytes=101)) == 2
    # A message larger than the room is taken too: it could never start otherwise.
    assert len(await node.claim(Q, OTHER, max_bytes=1)) == 1
    assert [claim.queue for claim in await node.claim(Q, OTHER, max_bytes=1000)] == [Q, OTHER]


async def a_queues_concurrency_limits_what_is_claimed(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(*(nodes.enqueue(str(number).encode()) for number in range(5)))
    claims = await node.claim(concurrency=2)
    assert payloads(claims) == [b"0", b"1"]
    assert await node.claim(concurrency=2) == []
    await node.commit(complete(claims[0]))
    assert payloads(await node.claim(concurrency=2)) == [b"2"]
    assert await node.claim(concurrency=1) == []


@needs("shared")
async def a_queues_concurrency_holds_over_all_nodes(nodes: Nodes) -> None:
    team = [await nodes.open() for _ in range(3)]
    await team[0].commit(*(nodes.enqueue(str(number).encode()) for number in range(20)))
    wanted = [WantedQueue(Q, 3, Limits(concurrency=4))]
    done: list[bytes] = []
    held: list[Claim] = []
    while len(done) < 20:
        taken = await asyncio.gather(
            *(
                node.backend.commit(Batch([ClaimReady(node=node.id, wanted=wanted, max_bytes=1_000_000)]))
                for node in team
            )
        )
        held += [claim for [claims] in taken for claim in claims]
        assert 1 <= len(held) <= 4
        claim = held.pop(0)
        await team[len(done) % 3].commit(complete(claim))
        done.append(claim.payload)
    assert sorted(done) == sorted(str(number).encode() for number in range(20))


@needs("shared")
async def a_message_is_given_to_one_node(nodes: Nodes) -> None:
    team = [await nodes.open() for _ in range(3)]
    await team[0].commit(*(nodes.enqueue(str(number).encode()) for number in range(60)))
    wanted = [WantedQueue(Q, 25)]
    taken = await asyncio.gather(
        *(
            node.backend.commit(Batch([ClaimReady(node=node.id, wanted=wanted, max_bytes=1_000_000)]))
            for node in team
        )
    )
    ids = [claim.id for [claims] in taken for claim in claims]
    assert len(ids) == len(set(ids)) == 60


async def a_message_is_claimed_on_insert_if_none_waits(nodes: Nodes) -> None:
    node = await nodes.open()
    message = nodes.message(b"1", claim_for=node.id, attributes=b'{"a":1}')
    [claim] = await node.commit(nodes.enqueue(b"1", id=message.id, claim_for=node.id, attributes=b'{"a":1}'))
    assert (claim.id, claim.queue, claim.payload, claim.token) == (message.id, Q, b"1", 1)
    assert (claim.attributes, claim.attempt, claim.trace) == (b'{"a":1}', 1, message.trace)
    assert (await node.depth()).claimed == 1
    assert await node.claim() == []
    await node.commit(complete(claim))
    assert (await node.depth()).claimed == 0


async def a_message_is_not_claimed_on_insert_before_older_ones(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(nodes.enqueue(b"1"))
    assert await node.one(nodes.enqueue(b"2", claim_for=node.id)) is None
    # Another queue's backlog does not matter.
    assert (await node.one(nodes.enqueue(b"x", OTHER, claim_for=node.id))).payload == b"x"
    assert payloads(await node.claim()) == [b"1", b"2"]


async def messages_of_one_commit_do_not_overtake_each_other(nodes: Nodes) -> None:
    node = await nodes.open()
    results = await asyncio.gather(
        node.backend.commit(Batch([nodes.enqueue(b"1", claim_for=node.id)])),
        node.backend.commit(Batch([nodes.enqueue(b"2")])),
        node.backend.commit(Batch([nodes.enqueue(b"3", claim_for=node.id)])),
    )
    assert [claim and claim.payload for [claim] in results] == [b"1", None, None]
    assert payloads(await node.claim()) == [b"2", b"3"]


async def a_message_that_comes_back_is_older_than_a_new_one(nodes: Nodes) -> None:
    node = await nodes.open()
    claim = await node.one(nodes.enqueue(b"1", claim_for=node.id))
    results = await node.commit(retry(claim), nodes.enqueue(b"2", claim_for=node.id))
    assert results == [None, None]
    assert payloads(await node.claim()) == [b"1", b"2"]


async def a_claim_made_and_settled_in_one_batch_is_gone(nodes: Nodes) -> None:
    node = await nodes.open()
    claim = await node.one(nodes.enqueue(b"1", claim_for=node.id))
    results = await node.commit(complete(claim), nodes.enqueue(b"2", claim_for=node.id))
    assert results[1].payload == b"2"
    assert (await node.depth()).claimed == 1


async def claims_given_back_are_uncharged_and_in_their_old_place(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(*(nodes.enqueue(str(number).encode()) for number in range(3)))
    claims = await node.claim(limit=2)
    assert await node.one(Unclaim(claims)) == 2
    again = await node.claim()
    assert payloads(again) == [b"0", b"1", b"2"]
    assert [(claim.attempt, claim.failures, claim.crashes) for claim in again] == [(1, 0, 0)] * 3
    assert [claim.token for claim in again] == [2, 2, 1]


async def superseded_claims_are_skipped_when_given_back(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(nodes.enqueue(b"1"), nodes.enqueue(b"2"))
    first = await node.claim()
    await node.commit(Unclaim([first[0]]))
    [second] = await node.claim()
    await node.commit(complete(first[1]))
    assert await node.one(Unclaim(first)) == 0
    assert (await node.depth()).claimed == 1
    await node.commit(complete(second))


async def a_head_given_back_is_still_the_head(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(nodes.enqueue(b"a1", group="a"), nodes.enqueue(b"a2", group="a"))
    await node.commit(Unclaim(await node.claim()))
    await node.commit(nodes.enqueue(b"a3", group="a", enqueued_at_ms=NOW_MS + 1))
    assert payloads(await node.claim()) == [b"a1"]
