"""What operators do: cancel, move, pause; and where a message stands."""

from __future__ import annotations

import dataclasses

from motia.core.batch import (
    CancellationsSeen,
    CancelMessages,
    ClaimReady,
    CountBulk,
    Enqueue,
    Expire,
    ExpireMessages,
    MoveMessages,
    PauseQueues,
    PromoteDue,
    PurgeDead,
    RecoverNode,
    Redrive,
    ResumeQueues,
    WantedQueue,
)
from motia.core.flow import Flow, Limits, RateWindow
from motia.core.message import BulkProgress, NewMessage, Pause
from motia.errors import ConflictError
from motia.testing.conformance.harness import (
    ERROR,
    NOW_MS,
    OTHER,
    TRACE,
    Node,
    Nodes,
    Q,
    complete,
    die,
    payloads,
    raised_by,
)


async def a_waiting_message_is_cancelled_in_all_its_queues(nodes: Nodes) -> None:
    node = await nodes.open()
    message = nodes.message(b"1")
    await node.commit(nodes.enqueue(b"1", id=message.id), nodes.enqueue(b"1", OTHER, id=message.id))
    await node.commit(nodes.enqueue(b"2"))
    ended = await node.one(CancelMessages(frozenset((message.id,))))
    assert [(one.id, one.queue, one.trace, one.ran_on) for one in ended] == [
        (message.id, Q, TRACE, None),
        (message.id, OTHER, TRACE, None),
    ]
    assert payloads(await node.claim(Q, OTHER)) == [b"2"]
    assert await node.one(CancelMessages(frozenset((message.id,)))) == []


async def a_message_is_cancelled_in_one_queue_only_if_asked_so(nodes: Nodes) -> None:
    node = await nodes.open()
    message = nodes.message(b"1")
    await node.commit(nodes.enqueue(b"1", id=message.id), nodes.enqueue(b"1", OTHER, id=message.id))
    assert len(await node.one(CancelMessages(frozenset((message.id,)), OTHER))) == 1
    assert [claim.queue for claim in await node.claim(Q, OTHER)] == [Q]


async def without_a_choice_nothing_is_cancelled(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(nodes.enqueue(b"1"))
    assert await node.one(CancelMessages()) == []
    assert await node.one(CancelMessages(frozenset())) == []


async def a_cancelled_claim_can_write_nothing_and_its_node_learns_of_it(nodes: Nodes) -> None:
    node = await nodes.open()
    other = await nodes.open()
    await node.commit(nodes.enqueue(b"1"))
    [claim] = await node.claim()
    [ended] = await other.one(CancelMessages(frozenset((claim.id,))))
    assert ended.ran_on == node.id
    assert (await raised_by(node.commit(complete(claim)), ConflictError)).code == "claim.superseded"
    assert await node.backend.queue.cancellations(node.id) == [(claim.seq, claim.token)]
    assert await node.backend.queue.cancellations(other.id) == []
    await node.commit(CancellationsSeen(node.id, frozenset(((claim.seq, claim.token),))))
    assert await node.backend.queue.cancellations(node.id) == []


async def cancellations_of_a_dead_node_are_forgotten(nodes: Nodes) -> None:
    node, other = await nodes.open(), await nodes.open()
    await node.commit(nodes.enqueue(b"1"))
    [claim] = await node.claim()
    await other.commit(CancelMessages(frozenset((claim.id,))))
    await other.commit(RecoverNode(node.id, None, 3, NOW_MS, ERROR))
    assert await other.backend.queue.cancellations(node.id) == []


async def a_cancelled_head_lets_its_group_go_on(nodes: Nodes) -> None:
    node = await nodes.open()
    head = nodes.message(b"1")
    await node.commit(nodes.enqueue(b"1", id=head.id, group="a"), nodes.enqueue(b"2", group="a"))
    await node.commit(CancelMessages(frozenset((head.id,))))
    assert payloads(await node.claim()) == [b"2"]


async def a_cancelled_message_behind_its_head_leaves_the_head_alone(nodes: Nodes) -> None:
    node = await nodes.open()
    second = nodes.message(b"2")
    await node.commit(
        nodes.enqueue(b"1", group="a"),
        nodes.enqueue(b"2", id=second.id, group="a"),
        nodes.enqueue(b"3", group="a"),
    )
    await node.commit(CancelMessages(frozenset((second.id,))))
    [claim] = await node.claim()
    assert claim.payload == b"1"
    await node.commit(complete(claim))
    assert payloads(await node.claim()) == [b"3"]


async def a_cancelled_message_makes_room_for_its_key(nodes: Nodes) -> None:
    node = await nodes.open()
    flow = Flow(concurrency_key="a")
    await node.commit(*(nodes.enqueue(b"%d" % number, flow=flow) for number in range(3)))
    wanted = [WantedQueue(Q, 10, Limits(key_concurrency=1))]
    take = ClaimReady(node=node.id, wanted=wanted, max_bytes=1000)
    [claim] = await node.one(take)
    assert await node.one(take) == []
    await node.commit(CancelMessages(frozenset((claim.id,))))
    [claim] = await node.one(take)
    assert claim.payload == b"1"


NEWER = b"a" * 16


async def a_bulk_is_counted_and_cancelled_as_a_whole(nodes: Nodes) -> None:
    node = await nodes.open()
    bulk = await _store_bulk(nodes, node, 6)
    await node.commit(nodes.enqueue(b"x"))
    died, done, _ = await node.claim(limit=3)
    await node.commit(die(died), complete(done))
    assert await node.backend.queue.bulk(bulk) == BulkProgress(
        total=6, waiting=3, running=1, dead=1, cancelled=0, started_at_ms=NOW_MS
    )
    assert len(await node.one(CancelMessages(bulk=bulk, limit=2))) == 2
    ended = await node.one(CancelMessages(bulk=bulk))
    assert len(ended) == 2
    progress = await node.backend.queue.bulk(bulk)
    assert progress is not None
    assert (progress.waiting, progress.running, progress.cancelled, progress.completed) == (0, 0, 4, 1)
    assert payloads(await node.claim()) == [b"x"]
    assert await node.backend.queue.bulk(b"other-----------") is None
    assert await node.backend.queue.bulks() == [(bulk, progress)]
    await node.commit(nodes.enqueue(b"y", flow=Flow(bulk=NEWER)), CountBulk(NEWER, NOW_MS + 1, NOW_MS + 1000))
    assert [id_ for id_, _ in await node.backend.queue.bulks()] == [NEWER, bulk]
    assert [id_ for id_, _ in await node.backend.queue.bulks(limit=1)] == [NEWER]


async def a_bulk_counts_what_is_purged_replaced_and_sent_back(nodes: Nodes) -> None:
    node = await nodes.open()
    bulk = await _store_bulk(nodes, node, 3)
    claims = await node.claim(limit=3)
    await node.commit(*(die(claim) for claim in claims))
    first, second, third = (frozenset((claim.id,)) for claim in claims)
    await node.one(PurgeDead(ids=first))
    await node.one(Redrive(ids=second))
    edited = nodes.enqueue(b"edited", flow=Flow(bulk=bulk))
    await node.commit(edited, PurgeDead(ids=third, replaced=True))
    progress = await node.backend.queue.bulk(bulk)
    assert progress is not None
    assert (progress.waiting, progress.dead, progress.cancelled, progress.completed) == (2, 0, 1, 0)


async def a_repeated_message_is_not_counted_in_a_bulk(nodes: Nodes) -> None:
    node = await nodes.open()
    bulk = b"b" * 16
    flow = Flow(bulk=bulk, dedupe_key="k", dedupe_until_ms=NOW_MS + 10)
    *_, total = await node.commit(
        nodes.enqueue(b"1", flow=flow), nodes.enqueue(b"2", flow=flow), CountBulk(bulk, NOW_MS, NOW_MS + 10)
    )
    assert total == 1


async def a_bulk_is_forgotten_once_it_is_old_and_none_is_left(nodes: Nodes) -> None:
    node = await nodes.open()
    bulk = await _store_bulk(nodes, node, 1)
    assert await node.one(Expire(NOW_MS + 1000)) == 0
    [claim] = await node.claim()
    await node.commit(complete(claim))
    assert await node.one(Expire(NOW_MS + 999)) == 0
    assert await node.backend.queue.bulk(bulk) is not None
    assert await node.one(Expire(NOW_MS + 1000)) == 1
    assert await node.backend.queue.bulk(bulk) is None


async def _store_bulk(nodes: Nodes, node: Node, count: int) -> bytes:
    bulk = b"b" * 16
    messages = [nodes.enqueue(b"%d" % number, flow=Flow(bulk=bulk)) for number in range(count)]
    *_, total = await node.commit(*messages, CountBulk(bulk, NOW_MS, NOW_MS + 1000))
    assert total == count
    return bulk


async def expired_messages_end_unless_a_node_holds_them(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(nodes.enqueue(b"held", flow=Flow(expires_at_ms=NOW_MS + 10)))
    [claim] = await node.claim()
    await node.commit(
        nodes.enqueue(b"late", flow=Flow(expires_at_ms=NOW_MS + 10)),
        nodes.enqueue(b"later", flow=Flow(expires_at_ms=NOW_MS + 20)),
        nodes.enqueue(b"never"),
    )
    assert await node.one(ExpireMessages(NOW_MS + 9)) == []
    assert [one.queue for one in await node.one(ExpireMessages(NOW_MS + 10))] == [Q]
    assert payloads(await node.claim()) == [b"later", b"never"]
    await node.commit(complete(claim))


async def a_message_is_moved_to_another_time_or_to_now(nodes: Nodes) -> None:
    node = await nodes.open()
    message = nodes.message(b"1")
    await node.commit(nodes.enqueue(b"1", id=message.id, due_at_ms=NOW_MS + 1000))
    assert await node.one(MoveMessages(frozenset((message.id,)), NOW_MS + 5000)) == 1
    assert await node.backend.queue.next_due_at_ms() == NOW_MS + 5000
    assert await node.one(PromoteDue(NOW_MS + 1000)) == 0
    assert await node.one(MoveMessages(frozenset((message.id,)), None)) == 1
    [claim] = await node.claim()
    assert claim.payload == b"1"
    # What a node holds stays where it is.
    assert await node.one(MoveMessages(frozenset((message.id,)), None)) == 0


async def a_ready_message_can_be_put_off(nodes: Nodes) -> None:
    node = await nodes.open()
    message = nodes.message(b"1")
    await node.commit(nodes.enqueue(b"1", id=message.id))
    assert await node.one(MoveMessages(frozenset((message.id,)), NOW_MS + 5000)) == 1
    assert await node.claim() == []
    await node.commit(PromoteDue(NOW_MS + 5000))
    assert payloads(await node.claim()) == [b"1"]


async def moving_does_not_let_a_message_overtake_its_group(nodes: Nodes) -> None:
    node = await nodes.open()
    second = nodes.message(b"2")
    await node.commit(nodes.enqueue(b"1", group="a"), nodes.enqueue(b"2", id=second.id, group="a"))
    assert await node.one(MoveMessages(frozenset((second.id,)), None)) == 1
    assert payloads(await node.claim()) == [b"1"]


async def nothing_is_taken_from_a_paused_queue(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(nodes.enqueue(b"1"), nodes.enqueue(b"x", OTHER))
    await node.commit(PauseQueues(NOW_MS, *Q))
    assert payloads(await node.claim(Q, OTHER)) == [b"x"]
    assert await node.backend.queue.pauses() == [Pause(topic=Q.topic, step=Q.step, since_ms=NOW_MS)]
    # Nor is a new message claimed as it is stored.
    assert await node.one(nodes.enqueue(b"2", claim_for=node.id)) is None
    assert await node.one(ResumeQueues(*Q)) == 1
    assert payloads(await node.claim(Q, OTHER)) == [b"1", b"2"]
    assert await node.one(ResumeQueues(*Q)) == 0


async def a_pause_may_hold_for_a_topic_a_step_or_everything(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(nodes.enqueue(b"1"), nodes.enqueue(b"x", OTHER))
    await node.commit(PauseQueues(NOW_MS, topic=Q.topic))
    assert await node.claim(Q, OTHER) == []
    await node.commit(ResumeQueues(topic=Q.topic), PauseQueues(NOW_MS, step=OTHER.step))
    assert payloads(await node.claim(Q, OTHER)) == [b"1"]
    await node.commit(PauseQueues(NOW_MS), ResumeQueues(step=OTHER.step))
    assert await node.claim(Q, OTHER) == []
    assert await node.one(ResumeQueues(everything=True)) == 1
    assert payloads(await node.claim(Q, OTHER)) == [b"x"]


async def a_message_says_where_it_stands(nodes: Nodes) -> None:
    node = await nodes.open()
    flow = Flow(concurrency_key="k", priority=3, expires_at_ms=NOW_MS + 99)
    first = nodes.message(b"1")

    async def status() -> list[tuple[str, str | None]]:
        found = await node.backend.queue.messages(first.id)
        return [(message.status, message.awaits) for message in found]

    await node.commit(nodes.enqueue(b"1", id=first.id, due_at_ms=NOW_MS + 5, flow=flow, group="g"))
    [message] = await node.backend.queue.messages(first.id)
    assert (message.status, message.due_at_ms, message.group) == ("scheduled", NOW_MS + 5, "g")
    assert (message.priority, message.concurrency_key, message.expires_at_ms) == (3, "k", NOW_MS + 99)
    await node.commit(PromoteDue(NOW_MS + 5))
    assert await status() == [("ready", None)]
    [claim] = await node.claim()
    [message] = await node.backend.queue.messages(first.id)
    assert (message.status, message.node) == ("running", node.id)
    await node.commit(die(claim))
    [message] = await node.backend.queue.messages(first.id)
    assert (message.status, message.code, message.failures) == ("dead", "handler.raised", 1)
    await node.commit(Redrive(queue=Q))
    assert await status() == [("ready", None)]
    [claim] = await node.claim()
    await node.commit(complete(claim))
    assert await status() == []


async def what_has_not_ended_is_read_page_by_page(nodes: Nodes) -> None:
    node = await nodes.open()
    payloads = [b"%d" % number for number in range(5)]
    await node.commit(*(nodes.enqueue(payload) for payload in payloads[:4]))
    await node.commit(nodes.enqueue(payloads[4], OTHER, due_at_ms=NOW_MS + 1000))
    claims = await node.claim(limit=2)
    await node.commit(complete(claims[0]))
    read, after_seq = [], 0
    while page := await node.backend.queue.undelivered(after_seq=after_seq, limit=3):
        read += page
        after_seq = page[-1].seq
    assert [(one.queue, one.payload) for one in read] == [*((Q, one) for one in payloads[1:4]), (OTHER, b"4")]


async def what_keeps_a_message_back_can_be_read(nodes: Nodes) -> None:
    node = await nodes.open()
    ids = [nodes.id() for _ in range(3)]
    stored: list[NewMessage] = [
        nodes.message(b"%d" % number, id=id_, flow=Flow(concurrency_key="k", rate_key="r"))
        for number, id_ in enumerate(ids)
    ]
    await node.commit(*(Enqueue(message) for message in stored))
    rate = RateWindow(limit=1, period_ms=1000, keyed=True)
    wanted = [WantedQueue(Q, 10, Limits(key_concurrency=2, rate=rate))]
    [claim] = await node.one(ClaimReady(node=node.id, wanted=wanted, max_bytes=1000, now_ms=NOW_MS))
    store = node.backend.queue
    assert [one.id for one in await store.running(Q)] == [claim.id]
    assert [one.id for one in await store.running(Q, concurrency_key="k")] == [claim.id]
    assert await store.running(Q, concurrency_key="other") == []
    [second] = await store.messages(ids[1])
    assert (second.status, second.awaits) == ("limited", "rate")
    assert await store.rate_free_at_ms(Q, "r") == NOW_MS + 1000
    assert await store.rate_free_at_ms(Q, "other") is None


async def the_messages_of_a_trace_and_before_another_can_be_found(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(nodes.enqueue(b"1"), nodes.enqueue(b"2"))
    other = TRACE._replace(trace_id="f" * 32)
    last = nodes.message(b"3", trace=other)
    await node.commit(Enqueue(last))
    store = node.backend.queue
    assert len(await store.of_trace(TRACE.trace_id)) == 2
    assert await store.of_trace(other.trace_id) == [last.id]
    [message] = await store.messages(last.id)
    assert await store.ready_before(message) == 2
    assert await store.ready_before(message, limit=1) == 1


async def what_a_node_holds_can_be_read(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(nodes.enqueue(b"1"), nodes.enqueue(b"2"))
    [claim] = await node.claim(limit=1)
    [held] = await node.backend.queue.claims_of(node.id)
    assert held == dataclasses.replace(claim, payload=b"")
    assert await node.backend.queue.claims_of(node.id, payloads=True) == [claim]
    assert await node.backend.queue.claims_of(b"x" * 16) == []


async def the_head_of_a_group_can_be_found(nodes: Nodes) -> None:
    node = await nodes.open()
    head = nodes.message(b"1", group="g")
    await node.commit(Enqueue(head), nodes.enqueue(b"2", group="g"))
    found = await node.backend.queue.head_of_group(Q, "g")
    assert found is not None
    assert found.id == head.id
    assert await node.backend.queue.head_of_group(Q, "none") is None
