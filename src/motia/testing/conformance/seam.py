"""The write seam itself: batches hold together and do not disturb each other."""

from __future__ import annotations

import asyncio
from typing import cast

from motia.core.batch import (
    Batch,
    ClaimHeld,
    Enqueue,
    Operation,
    PauseQueues,
    ResumeQueues,
    StatePut,
    StateUpdate,
    StateVersion,
)
from motia.core.message import NewMessage
from motia.core.update import UpdateOperation
from motia.errors import BackendError, ConflictError, InputError, MotiaError
from motia.testing.conformance.harness import NOW_MS, Nodes, complete, needs, payloads, raised_by

_BAD_UPDATE = (UpdateOperation("increment", ("name",), 1),)


async def results_come_in_the_order_of_the_operations(nodes: Nodes) -> None:
    node = await nodes.open()
    results = await node.commit(
        StatePut(scope="s", key="a", value=b"1", now_ms=NOW_MS),
        nodes.enqueue(),
        StatePut(scope="s", key="a", value=b"2", now_ms=NOW_MS),
    )
    assert [getattr(result, "new", result) for result in results] == [b"1", None, b"2"]


async def batches_are_applied_in_the_order_of_the_calls(nodes: Nodes) -> None:
    node = await nodes.open()
    numbers = [str(number).encode() for number in range(50)]
    await asyncio.gather(*(node.backend.commit(Batch([nodes.enqueue(number)])) for number in numbers))
    assert payloads(await node.claim()) == numbers


async def an_empty_batch_commits(nodes: Nodes) -> None:
    node = await nodes.open()
    assert await node.commit() == []


async def a_failing_operation_undoes_the_whole_batch(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(StatePut(scope="s", key="text", value=b'{"name":"x"}', now_ms=NOW_MS))
    error = await raised_by(
        node.commit(
            nodes.enqueue(b"1", group="g"),
            nodes.enqueue(b"2"),
            StatePut(scope="s", key="new", value=b"1", now_ms=NOW_MS),
            StateUpdate(scope="s", key="text", operations=_BAD_UPDATE, now_ms=NOW_MS),
        ),
        InputError,
    )
    assert error.code == "state.bad_update"
    assert await node.claim() == []
    assert await node.backend.state.get("s", "new", NOW_MS) is None
    # The names that only the failed batch used are usable afterwards.
    await node.commit(nodes.enqueue(b"3", group="g"))
    assert payloads(await node.claim()) == [b"3"]


async def a_failing_batch_leaves_its_neighbours_alone(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(StatePut(scope="s", key="text", value=b'{"name":"x"}', now_ms=NOW_MS))
    batches: list[list[Operation]] = []
    for number in range(30):
        operations: list[Operation] = [nodes.enqueue(str(number).encode())]
        if number % 3 == 1:
            operations.append(StatePut(scope="done", key=str(number), value=b"1", now_ms=NOW_MS))
        if number % 3 == 2:
            operations.append(StateUpdate(scope="s", key="text", operations=_BAD_UPDATE, now_ms=NOW_MS))
        batches.append(operations)
    results = await asyncio.gather(
        *(node.backend.commit(Batch(operations)) for operations in batches), return_exceptions=True
    )
    assert [isinstance(result, InputError) for result in results] == [n % 3 == 2 for n in range(30)]
    assert payloads(await node.claim()) == [str(n).encode() for n in range(30) if n % 3 != 2]
    done = await node.backend.state.entries("done", NOW_MS)
    assert sorted(int(entry.key) for entry in done) == list(range(1, 30, 3))


async def a_batch_that_is_nonsense_fails_alone(nodes: Nodes) -> None:
    node = await nodes.open()
    nonsense = cast(NewMessage, "not a message")
    results = await asyncio.gather(
        node.backend.commit(Batch([nodes.enqueue(b"1")])),
        node.backend.commit(Batch([Enqueue(nonsense)])),
        node.backend.commit(Batch([nodes.enqueue(b"2")])),
        return_exceptions=True,
    )
    assert [isinstance(result, MotiaError) for result in results] == [False, True, False]
    assert payloads(await node.claim()) == [b"1", b"2"]


async def a_guard_that_does_not_hold_fails_its_batch_alone(nodes: Nodes) -> None:
    node = await nodes.open()
    results = await asyncio.gather(
        node.backend.commit(Batch([nodes.enqueue(b"1")])),
        node.backend.commit(Batch([nodes.enqueue(b"2")], [StateVersion("s", "a", 7)])),
        node.backend.commit(Batch([nodes.enqueue(b"3")], [StateVersion("s", "a", 0)])),
        return_exceptions=True,
    )
    assert [isinstance(result, ConflictError) for result in results] == [False, True, False]
    assert payloads(await node.claim()) == [b"1", b"3"]


async def guards_are_checked_before_any_operation(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.commit(nodes.enqueue(b"1"))
    [claim] = await node.claim()
    held = ClaimHeld(claim.seq, claim.id, claim.token)
    await node.commit(complete(claim), nodes.enqueue(b"2"), guards=[held])
    assert payloads(await node.claim()) == [b"2"]
    error = await raised_by(node.commit(nodes.enqueue(b"3"), guards=[held]), ConflictError)
    assert error.code == "claim.superseded"
    assert await node.claim() == []


async def the_future_holds_what_is_made_of_results_or_of_a_failure(nodes: Nodes) -> None:
    node = await nodes.open()
    conflict = Batch([nodes.enqueue(b"2")], [StateVersion("s", "a", 7)])
    made = await asyncio.gather(
        node.backend.commit(Batch([nodes.enqueue(b"1")]), len, type),
        node.backend.commit(conflict, len, type),
        node.backend.commit(conflict, len),
        return_exceptions=True,
    )
    assert list(made[:2]) == [1, ConflictError]
    assert isinstance(made[2], ConflictError)


async def cancelling_the_future_does_not_disturb_others(nodes: Nodes) -> None:
    node = await nodes.open()
    given_up = node.backend.commit(Batch([nodes.enqueue(b"1")]))
    given_up.cancel()
    await node.commit(nodes.enqueue(b"2"))
    assert payloads(await node.claim())[-1] == b"2"


async def close_waits_for_the_batches_in_hand(nodes: Nodes) -> None:
    node = await nodes.open()
    pending = [node.backend.commit(Batch([nodes.enqueue()])) for _ in range(20)]
    await node.backend.close()
    assert [future.result() for future in pending] == [[None]] * 20


async def close_is_safe_twice_and_refuses_later_batches(nodes: Nodes) -> None:
    node = await nodes.open()
    await node.backend.close()
    await node.backend.close()
    error = await raised_by(node.commit(nodes.enqueue()), BackendError)
    assert error.code == "backend.closed"


async def nothing_is_pending_when_all_futures_are_done(nodes: Nodes) -> None:
    node = await nodes.open()
    await asyncio.gather(*(node.backend.commit(Batch([nodes.enqueue()])) for _ in range(10)))
    assert node.backend.pending_operations() == 0


async def listeners_hear_of_new_work(nodes: Nodes) -> None:
    node = await nodes.open()
    heard = asyncio.Event()
    node.backend.on_work(heard.set)
    await node.commit(nodes.enqueue())
    async with asyncio.timeout(30):
        await heard.wait()


@needs("shared")
async def listeners_hear_of_new_work_from_another_node(nodes: Nodes) -> None:
    one, two = await nodes.open(), await nodes.open()
    heard = asyncio.Event()
    two.backend.on_work(heard.set)
    await one.commit(nodes.enqueue())
    async with asyncio.timeout(30):
        await heard.wait()
    assert len(await two.claim()) == 1


@needs("durable")
@needs("shared")
async def what_another_node_wrote_counts_from_the_next_commit_on(nodes: Nodes) -> None:
    one, two = await nodes.open(), await nodes.open()
    [first] = await one.commit(nodes.enqueue(b"1", claim_for=one.id))
    await two.commit(nodes.enqueue(b"2"))
    assert await one.commit(nodes.enqueue(b"3", claim_for=one.id)) == [None]
    claims = [first, *await two.claim()]
    assert payloads(claims) == [b"1", b"2", b"3"]
    await two.commit(PauseQueues(NOW_MS))
    assert await one.commit(nodes.enqueue(b"4", claim_for=one.id)) == [None]
    await two.commit(ResumeQueues(everything=True))
    claims += await two.claim()
    [last] = await one.commit(nodes.enqueue(b"5", claim_for=one.id))
    assert payloads([*claims, last]) == [b"1", b"2", b"3", b"4", b"5"]
    assert sorted(claim.seq for claim in claims) == [claim.seq for claim in claims]
    assert last.seq > claims[-1].seq


async def what_was_committed_survives_close_and_open(nodes: Nodes) -> None:
    node = await nodes.open()
    message = nodes.message(b'{"a":1}', group="g", attributes=b'{"retry":2}')
    await node.commit(Enqueue(message), StatePut(scope="s", key="a", value=b"1", now_ms=NOW_MS))
    await nodes.close()
    again = await nodes.open()
    [claim] = await again.claim()
    assert (claim.id, claim.payload, claim.group) == (message.id, b'{"a":1}', "g")
    assert (claim.attributes, claim.trace) == (b'{"retry":2}', message.trace)
    entry = await again.backend.state.get("s", "a", NOW_MS)
    assert entry is not None
    assert entry.value == b"1"


@needs("durable")
async def versions_go_on_increasing_after_a_reopen(nodes: Nodes) -> None:
    node = await nodes.open()
    before = await node.one(StatePut(scope="s", key="a", value=b"1", now_ms=NOW_MS))
    await nodes.close()
    again = await nodes.open()
    after = await again.one(StatePut(scope="s", key="b", value=b"1", now_ms=NOW_MS))
    assert after.version > before.version
