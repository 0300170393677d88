"""Messages: stored once, claimed in order, settled by the newest claim only, dead letters kept.

A list of promises, one short check each; recovery, ends and flow control have lists of their own.
"""

from __future__ import annotations

import asyncio

from motia.core.batch import (
    ClaimHeld,
    DeadLetterHeld,
    Died,
    Enqueue,
    PromoteDue,
    PurgeDead,
    Redrive,
    Settle,
    StatePut,
    Unclaim,
)
from motia.core.message import Claim, QueueDepth, QueueName
from motia.encoding import encode
from motia.errors import ConflictError
from motia.queue.dead_letters import DeadLetterQuery
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
    retry,
)


async def a_claim_carries_all_of_its_message(nodes: Nodes) -> None:
    node = await nodes.open()
    message = nodes.message('{"ü":"☃"}'.encode(), attributes=b'{"retry":2}', group="a")
    assert await node.one(Enqueue(message)) is None
    [claim] = await node.claim()
    assert (claim.id, claim.queue, claim.payload) == (message.id, Q, message.payload)
    assert (claim.trace, claim.enqueued_at_ms) == (TRACE, NOW_MS)
    assert (claim.group, claim.attributes, claim.errors) == ("a", b'{"retry":2}', b"")
    assert (claim.failures, claim.crashes, claim.attempt, claim.suspect) == (0, 0, 1, False)


async def a_message_is_stored_once_per_id_and_queue(nodes: Nodes) -> None:
    node = await nodes.open()
    message = nodes.message(b"1")
    await node.commit(Enqueue(message))
    await node.commit(Enqueue(message), Enqueue(message))
    assert (await node.depth()).ready == 1
    [claim] = await node.claim()
    assert await node.one(Enqueue(message)) is None
    assert (await node.depth()).claimed == 1
    await node.commit(complete(claim))
    assert await node.depth() == QueueDepth(queue=Q)


async def a_repeated_message_is_not_claimed_again_on_insert(nodes: Nodes) -> None:
    node = await nodes.open()
    message = nodes.message(b"1", claim_for=node.id)
    assert (await node.one(Enqueue(message))).id == message.id
    assert await node.one(Enqueue(message)) is None


async def fan_out_stores_one_delivery_a_queue(nodes: Nodes) -> None:
    node = await nodes.open()
    id_ = nodes.id()
    await node.commit(*(nodes.enqueue(b"1", queue, id=id_) for queue in (Q, OTHER)))
    claims = await node.claim(Q, OTHER)
    assert [(claim.id, claim.queue) for claim in claims] == [(id_, Q), (id_, OTHER)]
    await node.commit(complete(claims[0]))
    assert ((await node.depth(Q)).claimed, (await node.depth(OTHER)).claimed) == (0, 1)


async def a_superseded_claim_cannot_settle(nodes: Nodes) -> None:
    node, first, second = await _superseded(nodes)
    for settle in (complete(first), retry(first), retry(first, NOW_MS), die(first)):
        error = await raised_by(node.commit(nodes.enqueue(b"extra"), settle), ConflictError)
        assert (error.code, error.guard) == ("claim.superseded", "claim_held")
    assert await node.depth() == QueueDepth(queue=Q, claimed=1)
    assert await node.backend.queue.dead_letters() == []
    await node.commit(complete(second))


async def a_superseded_claim_cannot_write(nodes: Nodes) -> None:
    node, first, second = await _superseded(nodes)
    write = StatePut(scope="s", key="k", value=b"1", now_ms=NOW_MS)
    guard = ClaimHeld(first.seq, first.id, first.token)
    error = await raised_by(node.commit(write, guards=[guard]), ConflictError)
    assert error.code == "claim.superseded"
    assert await node.backend.state.get("s", "k", NOW_MS) is None
    await node.commit(write, guards=[ClaimHeld(second.seq, second.id, second.token)])
    assert await node.backend.state.get("s", "k", NOW_MS) is not None


async def a_claim_is_settled_once(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(nodes.enqueue())
    [claim] = await node.claim()
    await node.commit(complete(claim))
    error = await raised_by(node.commit(complete(claim)), ConflictError)
    assert error.code == "claim.superseded"


async def a_claim_given_back_guards_nothing(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(nodes.enqueue())
    [claim] = await node.claim()
    await node.commit(Unclaim([claim]))
    guard = ClaimHeld(claim.seq, claim.id, claim.token)
    error = await raised_by(node.commit(guards=[guard]), ConflictError)
    assert error.code == "claim.superseded"


async def _superseded(nodes: Nodes) -> tuple[Node, Claim, Claim]:
    """A node, a claim of it that came back and was given out again, and the newer claim."""
    node = await nodes.open()
    await node.commit(nodes.enqueue(b"1"))
    [first] = await node.claim()
    await node.commit(Unclaim([first]))
    [second] = await node.claim()
    assert (second.seq, second.id) == (first.seq, first.id)
    assert second.token > first.token
    return node, first, second


async def a_rescheduled_message_waits_until_it_is_promoted(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(nodes.enqueue(b"1"))
    [claim] = await node.claim()
    await node.commit(retry(claim, NOW_MS + 500))
    assert await node.claim() == []
    assert await node.backend.queue.next_due_at_ms() == NOW_MS + 500
    assert await node.one(PromoteDue(NOW_MS + 499)) == 0
    assert await node.claim() == []
    assert await node.one(PromoteDue(NOW_MS + 500)) == 1
    [again] = await node.claim()
    assert (again.id, again.failures, again.attempt, again.token) == (claim.id, 1, 2, claim.token + 1)
    assert again.errors == ERROR
    assert await node.backend.queue.next_due_at_ms() is None


async def errors_of_attempts_are_kept_one_a_line(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(nodes.enqueue(b"1"))
    for number in (b"1", b"2", b""):
        [claim] = await node.claim()
        await node.commit(retry(claim, error=number))
    [claim] = await node.claim()
    assert claim.errors == b"1\n2"
    await node.commit(die(claim))
    [letter] = await node.backend.queue.dead_letters()
    assert letter.errors == b"1\n2"


async def a_message_retried_at_once_keeps_its_place(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(nodes.enqueue(b"1"), nodes.enqueue(b"2"))
    [claim] = await node.claim(limit=1)
    await node.commit(retry(claim))
    assert payloads(await node.claim()) == [b"1", b"2"]


async def a_delayed_message_is_scheduled(nodes: Nodes) -> None:
    node = await nodes.open()
    later = nodes.message(b"later", due_at_ms=NOW_MS + 20, claim_for=node.id)
    sooner = nodes.message(b"sooner", due_at_ms=NOW_MS + 10)
    assert await node.commit(Enqueue(later), Enqueue(sooner)) == [None, None]
    assert await node.depth() == QueueDepth(queue=Q, scheduled=2)
    scheduled = await node.backend.queue.scheduled()
    assert [(message.id, message.due_at_ms) for message in scheduled] == [
        (sooner.id, NOW_MS + 10),
        (later.id, NOW_MS + 20),
    ]
    assert [message.id for message in await node.backend.queue.scheduled(limit=1)] == [sooner.id]
    assert await node.backend.queue.scheduled(Q) == scheduled
    assert await node.backend.queue.scheduled(OTHER) == []
    assert await node.one(PromoteDue(NOW_MS + 100, limit=1)) == 1
    assert (await node.depth()).oldest_ready_at_ms == NOW_MS + 10
    [ready] = await node.backend.queue.messages(sooner.id)
    assert (ready.status, ready.due_at_ms) == ("ready", None)
    [claim] = await node.claim()
    # It has waited since it was due, not since it was sent.
    assert (claim.payload, claim.ready_at_ms) == (b"sooner", NOW_MS + 10)


async def the_oldest_message_of_a_group_blocks_the_others(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(
        nodes.enqueue(b"a1", group="a"),
        nodes.enqueue(b"a2", group="a"),
        nodes.enqueue(b"b1", group="b"),
        nodes.enqueue(b"-"),
    )
    claims = await node.claim()
    assert payloads(claims) == [b"a1", b"b1", b"-"]
    assert (await node.depth()).blocked == 1
    await node.commit(complete(claims[0]))
    assert payloads(await node.claim()) == [b"a2"]


async def a_group_is_one_queues_own(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(nodes.enqueue(b"1", Q, group="a"), nodes.enqueue(b"2", OTHER, group="a"))
    assert payloads(await node.claim(Q, OTHER)) == [b"1", b"2"]


async def a_retried_head_keeps_its_group_waiting(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(nodes.enqueue(b"a1", group="a"), nodes.enqueue(b"a2", group="a"))
    [claim] = await node.claim()
    await node.commit(retry(claim, NOW_MS + 10))
    assert await node.claim() == []
    await node.commit(nodes.enqueue(b"a3", group="a"))
    await node.commit(PromoteDue(NOW_MS + 10))
    for expected in (b"a1", b"a2", b"a3"):
        [claim] = await node.claim()
        assert claim.payload == expected
        await node.commit(complete(claim))


async def a_dead_lettered_head_lets_its_group_go_on(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(nodes.enqueue(b"a1", group="a"), nodes.enqueue(b"a2", group="a"))
    [claim] = await node.claim()
    await node.commit(die(claim))
    assert payloads(await node.claim()) == [b"a2"]


async def a_delayed_head_keeps_its_group_waiting(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(nodes.enqueue(b"a1", group="a", due_at_ms=NOW_MS + 10), nodes.enqueue(b"a2", group="a"))
    assert await node.claim() == []
    await node.commit(PromoteDue(NOW_MS + 10))
    [claim] = await node.claim()
    assert claim.payload == b"a1"
    await node.commit(complete(claim))
    assert payloads(await node.claim()) == [b"a2"]


async def a_delayed_message_behind_a_head_is_scheduled_when_the_head_goes(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(nodes.enqueue(b"a1", group="a"), nodes.enqueue(b"a2", group="a", due_at_ms=NOW_MS + 10))
    [claim] = await node.claim()
    assert await node.one(PromoteDue(NOW_MS + 10)) == 0
    await node.commit(complete(claim))
    assert (await node.depth()).scheduled == 1
    await node.commit(PromoteDue(NOW_MS + 10))
    assert payloads(await node.claim()) == [b"a2"]


async def a_message_of_a_group_is_not_claimed_on_insert(nodes: Nodes) -> None:
    node = await nodes.open()
    assert await node.one(nodes.enqueue(b"1", group="a", claim_for=node.id)) is None
    assert payloads(await node.claim()) == [b"1"]


async def a_dead_letter_keeps_all_that_explains_it(nodes: Nodes) -> None:
    node = await nodes.open()
    message = nodes.message(b'{"a":1}', group="g", attributes=b'{"x":1}')
    await node.commit(Enqueue(message))
    [claim] = await node.claim()
    await node.commit(die(claim, at_ms=NOW_MS + 7, code="handler.timed_out"))
    [letter] = await node.backend.queue.dead_letters()
    assert (letter.id, letter.queue, letter.payload) == (message.id, Q, b'{"a":1}')
    assert (letter.code, letter.error, letter.errors) == ("handler.timed_out", ERROR, b"")
    assert (letter.failures, letter.crashes) == (1, 0)
    assert (letter.enqueued_at_ms, letter.died_at_ms) == (NOW_MS, NOW_MS + 7)
    assert (letter.trace, letter.group, letter.attributes) == (TRACE, "g", b'{"x":1}')
    assert await node.depth() == QueueDepth(queue=Q, dead=1)


async def dead_letters_come_in_pages_the_newest_first(nodes: Nodes) -> None:
    node = await nodes.open()
    await _bury(nodes, node, [b"1", b"2", b"3"])
    await _bury(nodes, node, [b"other"], OTHER)
    store = node.backend.queue
    of_q = DeadLetterQuery(topic=Q.topic, step=Q.step)
    first = await store.dead_letters(of_q, limit=2)
    assert [letter.payload for letter in first] == [b"3", b"2"]
    rest = await store.dead_letters(of_q, limit=2, before_seq=first[-1].seq)
    assert [letter.payload for letter in rest] == [b"1"]
    assert [letter.payload for letter in await store.dead_letters()] == [b"other", b"3", b"2", b"1"]
    assert ((await node.depth(Q)).dead, (await node.depth(OTHER)).dead) == (3, 1)


async def dead_letters_are_found_and_counted_by_what_they_died_of(nodes: Nodes) -> None:
    node = await nodes.open()
    store = node.backend.queue
    told = (
        (Q, "card 4711 refused", "handler.raised"),
        (Q, "card 4712 refused", "handler.raised"),
        (OTHER, "card 4713 refused", "handler.raised"),
        (Q, "ÄRGER", "handler.timed_out"),
    )
    for number, (queue, message, code) in enumerate(told):
        await node.commit(nodes.enqueue(b'{"n":"Payload %d"}' % number, queue=queue))
        [claim] = await node.claim(queue)
        error = encode({"type": "Refused", "message": message})
        await node.commit(Settle(claim, Died(code, error, 1, NOW_MS + number)))
    letters = (await store.dead_letters())[::-1]
    ids = [letter.id for letter in letters]
    groups = await store.dead_groups()
    assert [(one.queue, one.count, one.message, one.type, one.code) for one in groups] == [
        (Q, 2, "card # refused", "Refused", "handler.raised"),
        (Q, 1, "ÄRGER", "Refused", "handler.timed_out"),
        (OTHER, 1, "card # refused", "Refused", "handler.raised"),
    ]
    assert (groups[0].first_ms, groups[0].last_ms, groups[0].sample) == (NOW_MS, NOW_MS + 1, ids[1])
    for query, expected in (
        (DeadLetterQuery(), [0, 1, 2, 3]),
        (DeadLetterQuery(cause=groups[0].cause), [0, 1]),
        (DeadLetterQuery(topic=OTHER.topic), [0, 1, 2, 3]),
        (DeadLetterQuery(topic="others"), []),
        (DeadLetterQuery(step=OTHER.step), [2]),
        (DeadLetterQuery(code="handler.timed_out"), [3]),
        (DeadLetterQuery(ids=frozenset((*ids[1:3], b"?" * 16))), [1, 2]),
        (DeadLetterQuery(ids=frozenset()), []),
        (DeadLetterQuery(died_since_ms=NOW_MS + 1, died_before_ms=NOW_MS + 3), [1, 2]),
        (DeadLetterQuery(text="PAYLOAD 2"), [2]),
        (DeadLetterQuery(text="Card", step=Q.step), [0, 1]),
        (DeadLetterQuery(text="%"), []),
    ):
        assert [id_ for _, id_ in await store.dead_ids(query)] == [ids[number] for number in expected], query
        assert [one.id for one in await store.dead_letters(query)][::-1] == [ids[n] for n in expected], query
        assert sum(group.count for group in await store.dead_groups(query)) == len(expected), query
        assert all(query.fits(letters[number]) for number in expected), query
    # By ids of one queue, though the others are letters, too.
    assert await node.one(PurgeDead(queue=Q, ids=frozenset(ids))) == 3
    assert [letter.id for letter in await store.dead_letters()] == [ids[2]]


async def a_redriven_message_starts_afresh(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(nodes.enqueue(b"1", attributes=b'{"x":1}'))
    [claim] = await node.claim()
    await node.commit(retry(claim))
    [claim] = await node.claim()
    await node.commit(die(claim))
    await node.commit(nodes.enqueue(b"2"))
    assert await node.one(Redrive(queue=Q)) == 1
    assert await node.backend.queue.dead_letters() == []
    second, again = await node.claim()
    assert (second.payload, again.payload) == (b"2", b"1")
    assert (again.id, again.attempt, again.errors, again.attributes) == (claim.id, 1, b"", b'{"x":1}')


async def redrive_takes_what_it_is_told_to(nodes: Nodes) -> None:
    node = await nodes.open()
    ids = await _bury(nodes, node, [b"1", b"2", b"3"])
    await _bury(nodes, node, [b"other"], OTHER)
    assert await node.one(Redrive(ids=frozenset([ids[1], nodes.id()]))) == 1
    assert payloads(await node.claim()) == [b"2"]
    assert await node.one(Redrive(queue=Q, limit=1)) == 1
    assert payloads(await node.claim()) == [b"1"]
    assert await node.one(Redrive(queue=OTHER, ids=frozenset([ids[2]]))) == 0
    assert await node.one(Redrive()) == 2


async def redriven_messages_become_due_one_after_the_other(nodes: Nodes) -> None:
    node = await nodes.open()
    await _bury(nodes, node, [b"1", b"2", b"3"])
    assert await node.one(Redrive(queue=Q, due_at_ms=NOW_MS, every_ms=50.0)) == 3
    due = [(one.due_at_ms, one.queue) for one in await node.backend.queue.scheduled()]
    assert due == [(NOW_MS, Q), (NOW_MS + 50, Q), (NOW_MS + 100, Q)]
    assert await node.claim() == []
    await node.one(PromoteDue(NOW_MS + 50))
    assert payloads(await node.claim()) == [b"1", b"2"]


async def of_two_who_redrive_a_letter_one_does(nodes: Nodes) -> None:
    one, other = await nodes.open(), await nodes.open()
    ids = frozenset(await _bury(nodes, one, [b"1", b"2", b"3"]))
    counts = await asyncio.gather(*(node.one(Redrive(queue=Q, ids=ids)) for node in (one, other, one, other)))
    assert sorted(counts) == [0, 0, 0, 3]
    assert payloads(await other.claim()) == [b"1", b"2", b"3"]


async def a_letter_that_is_gone_fails_what_counts_on_it(nodes: Nodes) -> None:
    one, other = await nodes.open(), await nodes.open()
    [id_] = await _bury(nodes, one, [b"1"])
    guard = DeadLetterHeld(id_, Q)
    taken = PurgeDead(queue=Q, ids=frozenset([id_]))
    for wrong in (DeadLetterHeld(nodes.id(), Q), DeadLetterHeld(id_, OTHER)):
        refused = await raised_by(one.commit(nodes.enqueue(b"no"), guards=[wrong]), ConflictError)
        assert refused.code == "queue.letter_gone"
    await one.commit(nodes.enqueue(b"edited"), taken, guards=[guard])
    refused = await raised_by(other.commit(nodes.enqueue(b"twice"), taken, guards=[guard]), ConflictError)
    assert (refused.code, refused.guard) == ("queue.letter_gone", "dead_letter_held")
    assert payloads(await one.claim()) == [b"edited"]


async def a_redriven_message_joins_the_end_of_its_group(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(nodes.enqueue(b"a1", group="a"), nodes.enqueue(b"a2", group="a"))
    [claim] = await node.claim()
    await node.commit(die(claim))
    await node.commit(Redrive())
    [claim] = await node.claim()
    assert claim.payload == b"a2"
    await node.commit(complete(claim))
    assert payloads(await node.claim()) == [b"a1"]


async def purge_deletes_what_it_is_told_to(nodes: Nodes) -> None:
    node = await nodes.open()
    ids = await _bury(nodes, node, [b"1", b"2"], at_ms=NOW_MS)
    await _bury(nodes, node, [b"3"], at_ms=NOW_MS + 10)
    await _bury(nodes, node, [b"other"], OTHER, at_ms=NOW_MS + 10)
    assert await node.one(PurgeDead(died_before_ms=NOW_MS)) == 0
    assert await node.one(PurgeDead(ids=frozenset([ids[0]]))) == 1
    assert await node.one(PurgeDead(died_before_ms=NOW_MS + 1)) == 1
    assert await node.one(PurgeDead(queue=Q)) == 1
    assert [letter.payload for letter in await node.backend.queue.dead_letters()] == [b"other"]
    assert await node.one(PurgeDead(limit=0)) == 0
    assert await node.one(PurgeDead()) == 1


async def depths_count_every_standing(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(nodes.enqueue(b"claimed"))
    await node.claim()
    await _bury(nodes, node, [b"dead"])
    await node.commit(
        nodes.enqueue(b"1", enqueued_at_ms=NOW_MS + 5),
        nodes.enqueue(b"2", enqueued_at_ms=NOW_MS + 3),
        nodes.enqueue(b"3", due_at_ms=NOW_MS + 9),
        nodes.enqueue(b"4", group="a", due_at_ms=NOW_MS + 9),
        nodes.enqueue(b"5", group="a"),
    )
    assert await node.depth() == QueueDepth(
        queue=Q, ready=2, scheduled=2, blocked=1, claimed=1, dead=1, oldest_ready_at_ms=NOW_MS + 3
    )


async def a_queue_that_was_only_asked_for_has_no_depth(nodes: Nodes) -> None:
    node = await nodes.open()
    assert await node.claim(Q) == []
    assert await node.backend.queue.depths() == []


async def a_queue_name_may_hold_any_text(nodes: Nodes) -> None:
    node = await nodes.open()
    odd = Q._replace(topic="ord:ers/{'\"};☃ \n", step="")
    await node.commit(nodes.enqueue(b"1", odd, group="☃:"))
    [claim] = await node.claim(odd)
    assert (claim.queue, claim.group) == (odd, "☃:")


async def _bury(
    nodes: Nodes, node: Node, given: list[bytes], queue: QueueName = Q, *, at_ms: int = NOW_MS
) -> list[bytes]:
    """Make dead letters of new messages, in order; their ids."""
    await node.commit(*(nodes.enqueue(payload, queue) for payload in given))
    claims = await node.claim(queue)
    await node.commit(*(die(claim, at_ms) for claim in claims))
    return [claim.id for claim in claims]
