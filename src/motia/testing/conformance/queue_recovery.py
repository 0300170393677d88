"""When a node is gone: who is charged, who is suspected, who dies."""

from __future__ import annotations

from motia.core.batch import (
    ClaimHeld,
    Died,
    Enqueue,
    RecoverNode,
    RegisterNode,
    Rescheduled,
    Settle,
    Unclaim,
)
from motia.core.message import Claim, NodeId, QueueDepth
from motia.errors import ConflictError
from motia.testing.conformance.harness import (
    NOW_MS,
    OTHER,
    Node,
    Nodes,
    Q,
    complete,
    needs,
    payloads,
    raised_by,
    retry,
)

_CRASH = b'{"code":"worker.crashed"}'


async def a_registered_node_is_listed_until_it_is_recovered(nodes: Nodes) -> None:
    node = await nodes.open()
    gone = nodes.id()
    await node.commit(RegisterNode(node=gone, pid=77, started_at_ms=NOW_MS, lock_path="/run/x.lock"))
    assert set(await node.backend.queue.nodes()) == {(node.id, 1, ""), (gone, 77, "/run/x.lock")}
    assert await node.one(_recover(gone, None)) == 0
    assert set(await node.backend.queue.nodes()) == {(node.id, 1, "")}
    assert await node.one(_recover(gone, None)) == 0


async def what_ran_is_charged_and_suspect_and_the_rest_is_not(nodes: Nodes) -> None:
    node, claims = await _claimed_by_the_dead(nodes, 3)
    running = frozenset([(claims[1].seq, claims[1].id)])
    assert await node.one(_recover(_DEAD, running)) == 3
    [suspect] = await node.claim()
    assert (suspect.payload, suspect.crashes, suspect.failures, suspect.suspect) == (b"1", 1, 0, True)
    assert (suspect.attempt, suspect.token) == (2, 2)
    await node.commit(complete(suspect))
    others = await node.claim()
    assert payloads(others) == [b"0", b"2"]
    assert [(claim.crashes, claim.suspect, claim.attempt) for claim in others] == [(0, False, 1)] * 2


async def everything_counts_as_running_if_nothing_is_known(nodes: Nodes) -> None:
    node, _ = await _claimed_by_the_dead(nodes, 2)
    assert await node.one(_recover(_DEAD, None)) == 2
    for expected in (b"0", b"1"):
        [suspect] = await node.claim()
        assert (suspect.payload, suspect.crashes, suspect.suspect) == (expected, 1, True)
        await node.commit(complete(suspect))


async def a_crash_of_a_worker_is_charged_and_makes_suspect(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(nodes.enqueue(b"0"), nodes.enqueue(b"1"))
    crashed, innocent = await node.claim()
    await node.commit(Settle(crashed, Rescheduled(None, crashed.failures, _CRASH, crashed=True)))
    await node.commit(retry(innocent, failures=innocent.failures, error=b""))
    [suspect] = await node.claim()
    assert (suspect.payload, suspect.crashes, suspect.failures, suspect.suspect) == (b"0", 1, 0, True)
    await node.commit(Settle(suspect, Died("worker.crashed", _CRASH, 0, NOW_MS, crashed=True)))
    [dead] = await node.backend.queue.dead_letters()
    assert (dead.code, dead.crashes, dead.failures) == ("worker.crashed", 2, 0)
    [other] = await node.claim()
    assert (other.payload, other.crashes, other.suspect) == (b"1", 0, False)


async def the_claims_of_a_recovered_node_are_superseded(nodes: Nodes) -> None:
    node, [claim] = await _claimed_by_the_dead(nodes, 1)
    await node.commit(_recover(_DEAD, frozenset()))
    for operations, guards in (([complete(claim)], []), ([], [ClaimHeld(claim.seq, claim.id, claim.token)])):
        error = await raised_by(node.commit(*operations, guards=guards), ConflictError)
        assert error.code == "claim.superseded"
    assert len(await node.claim()) == 1


async def only_the_claims_of_that_node_are_recovered(nodes: Nodes) -> None:
    node, _ = await _claimed_by_the_dead(nodes, 1)
    await node.commit(nodes.enqueue(b"mine"))
    [mine] = await node.claim()
    assert await node.one(_recover(_DEAD, frozenset())) == 1
    await node.commit(complete(mine))


async def a_message_dies_when_it_crashed_too_often(nodes: Nodes) -> None:
    node, claims = await _claimed_by_the_dead(nodes, 2)
    running = frozenset([(claims[0].seq, claims[0].id)])
    await node.commit(_recover(_DEAD, running, max_crashes=2))
    [suspect] = await node.claim()
    assert suspect.crashes == 1
    await node.commit(_recover(node.id, frozenset([(suspect.seq, suspect.id)]), max_crashes=2))
    [letter] = await node.backend.queue.dead_letters()
    assert (letter.id, letter.code, letter.error) == (suspect.id, "worker.crashed", _CRASH)
    assert (letter.crashes, letter.failures, letter.died_at_ms) == (2, 0, NOW_MS)
    assert payloads(await node.claim()) == [b"1"]


async def nothing_dies_of_a_crash_that_another_may_have_caused(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(nodes.enqueue(b"0"), nodes.enqueue(b"1"))
    for crashes in (1, 2, 3):
        claims = [*await node.claim(), *await node.claim()]
        assert payloads(claims) == [b"0", b"1"]
        running = frozenset((claim.seq, claim.id) for claim in claims)
        assert await node.one(_recover(node.id, running, max_crashes=2)) == 2
        assert await node.backend.queue.dead_letters() == []
        for claim in (first := await node.claim()):
            assert (claim.crashes, claim.suspect) == (crashes, True)
        await node.commit(Unclaim(first))
    [suspect] = await node.claim()
    await node.commit(_recover(node.id, frozenset([(suspect.seq, suspect.id)]), max_crashes=2))
    [letter] = await node.backend.queue.dead_letters()
    assert (letter.id, letter.crashes) == (suspect.id, 4)


async def with_a_budget_of_one_crash_all_that_ran_dies(nodes: Nodes) -> None:
    node, claims = await _claimed_by_the_dead(nodes, 2)
    running = frozenset((claim.seq, claim.id) for claim in claims)
    assert await node.one(_recover(_DEAD, running, max_crashes=1)) == 2
    assert len(await node.backend.queue.dead_letters()) == 2


async def a_group_goes_on_when_its_head_crashed_too_often(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(nodes.enqueue(b"a1", group="a"), nodes.enqueue(b"a2", group="a"))
    await node.claim()
    await node.commit(_recover(node.id, None, max_crashes=1))
    assert await node.depth() == QueueDepth(queue=Q, ready=1, dead=1, oldest_ready_at_ms=NOW_MS)
    assert payloads(await node.claim()) == [b"a2"]


async def a_recovered_head_is_still_the_head(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(nodes.enqueue(b"a1", group="a"), nodes.enqueue(b"a2", group="a"))
    await node.claim()
    await node.commit(_recover(node.id, None))
    assert payloads(await node.claim()) == [b"a1"]


async def suspects_are_handed_out_first_and_one_at_a_time(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(nodes.enqueue(b"old"), nodes.enqueue(b"x", OTHER))
    [old] = await node.claim()
    for number in range(2):
        await node.commit(nodes.enqueue(str(number).encode()))
    await _take_as_dead(nodes, node)
    await node.commit(Unclaim([old]))
    await node.commit(_recover(_DEAD, None))
    assert payloads(await node.claim(OTHER)) == [b"x"]
    for expected in (b"0", b"1"):
        claims = await node.claim(OTHER, Q)
        assert [(claim.payload, claim.suspect) for claim in claims] == [(expected, True)]
        await node.commit(complete(claims[0]))
    assert payloads(await node.claim(OTHER, Q)) == [b"old"]


async def a_suspect_given_back_stays_suspect(nodes: Nodes) -> None:
    node, _ = await _claimed_by_the_dead(nodes, 1)
    await node.commit(_recover(_DEAD, None))
    await node.commit(Unclaim(await node.claim()))
    [again] = await node.claim()
    assert (again.suspect, again.crashes) == (True, 1)


async def a_suspect_that_ended_is_suspect_no_more(nodes: Nodes) -> None:
    node, _ = await _claimed_by_the_dead(nodes, 1)
    await node.commit(_recover(_DEAD, None))
    [suspect] = await node.claim()
    await node.commit(retry(suspect))
    await node.commit(nodes.enqueue(b"new"))
    claims = await node.claim()
    assert [(claim.payload, claim.suspect, claim.crashes) for claim in claims] == [
        (b"0", False, 1),
        (b"new", False, 0),
    ]


async def crashes_and_failures_are_counted_apart(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(nodes.enqueue(b"1"))
    [claim] = await node.claim()
    await node.commit(retry(claim, failures=1))
    await node.claim()
    await node.commit(_recover(node.id, None))
    [claim] = await node.claim()
    assert (claim.failures, claim.crashes, claim.attempt) == (1, 1, 3)


async def a_message_claimed_on_insert_is_recovered_too(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(RegisterNode(node=_DEAD, pid=2, started_at_ms=NOW_MS))
    claim = await node.one(nodes.enqueue(b"1", claim_for=_DEAD))
    assert await node.one(_recover(_DEAD, frozenset())) == 1
    [again] = await node.claim()
    assert (again.id, again.token) == (claim.id, 2)


@needs("shared")
async def a_dead_nodes_claims_count_no_more_against_the_concurrency(nodes: Nodes) -> None:
    one, two = await nodes.open(), await nodes.open()
    await one.commit(nodes.enqueue(b"1"), nodes.enqueue(b"2"))
    assert len(await one.claim(concurrency=1)) == 1
    assert await two.claim(concurrency=1) == []
    await two.commit(_recover(one.id, frozenset()))
    assert payloads(await two.claim(concurrency=1)) == [b"1"]


_DEAD: NodeId = b"\xff" * 16


def _recover(
    node: NodeId, running: frozenset[tuple[int, bytes]] | None, *, max_crashes: int = 3
) -> RecoverNode:
    return RecoverNode(node=node, running=running, max_crashes=max_crashes, now_ms=NOW_MS, error=_CRASH)


async def _claimed_by_the_dead(nodes: Nodes, count: int) -> tuple[Node, list[Claim]]:
    """A living node, and claims of messages `0`, `1` … held by the node `_DEAD`."""
    node = await nodes.open()
    for number in range(count):
        await node.commit(Enqueue(nodes.message(str(number).encode())))
    return node, await _take_as_dead(nodes, node)


async def _take_as_dead(nodes: Nodes, node: Node) -> list[Claim]:
    await node.commit(RegisterNode(node=_DEAD, pid=2, started_at_ms=NOW_MS))
    return await Node(node.backend, _DEAD).claim()
