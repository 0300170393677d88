"""Runs and their journals: what is kept, in which order, and how runs are found."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from motia.core.batch import (
    ClaimHeld,
    Completed,
    JournalPut,
    PromoteDue,
    Rescheduled,
    RunBegin,
    RunEnd,
    Settle,
    Suspended,
)
from motia.core.message import Claim
from motia.core.workflow import JournalEntry, RunId
from motia.errors import ConflictError
from motia.testing.conformance.harness import NOW_MS, TRACE, Node, Nodes, Q
from motia.testing.conformance.workflow_parts import begin, entry_of, started


async def entries_come_back_in_the_order_they_came_to_be(nodes: Nodes) -> None:
    node = await nodes.open()
    claim, run = await started(nodes, node)
    await node.commit(JournalPut(run, entry_of("reserve", value=b"1")))
    await node.commit(JournalPut(run, entry_of("charge", "retrying", attempts=1, error=b"{}")))
    await node.commit(JournalPut(run, entry_of("ship", "failed", error=b'{"message":"no"}', version=2)))
    await node.commit(JournalPut(run, entry_of("charge", value=b'"ok"', attempts=2, due_at_ms=NOW_MS)))
    found = await node.backend.workflow.journal(run)
    assert [entry.name for entry in found] == ["reserve", "charge", "ship"]
    assert found[1] == entry_of("charge", value=b'"ok"', attempts=2, due_at_ms=NOW_MS)
    assert (found[2].error, found[2].version) == (b'{"message":"no"}', 2)
    assert await node.backend.workflow.journal(RunId(claim.id, "other")) == []


async def what_runs_write_at_the_same_time_stays_apart(nodes: Nodes) -> None:
    node = await nodes.open()
    for _ in range(3):
        await node.commit(nodes.enqueue(b"1"))
    claims = await node.claim()
    runs = [RunId(claim.id, claim.queue.step) for claim in claims]
    stale = ClaimHeld(claims[1].seq, claims[1].id, claims[1].token + 1)
    held = [ClaimHeld(claim.seq, claim.id, claim.token) for claim in claims]
    put = [JournalPut(run, entry_of("first", value=b"1")) for run in runs]
    done = await asyncio.gather(
        node.commit(begin(claims[0]), put[0], guards=[held[0]]),
        node.commit(begin(claims[1]), put[1], guards=[stale]),
        node.commit(begin(claims[2]), put[2], guards=[held[2]]),
        return_exceptions=True,
    )
    assert [type(one) for one in done] == [list, ConflictError, list]
    second = JournalPut(runs[0], entry_of("second", "retrying", attempts=1))
    end = RunEnd(run=runs[2], status="completed", at_ms=NOW_MS, output=b"2")
    await asyncio.gather(
        node.commit(second, guards=[held[0]]),
        node.commit(Settle(claims[2], Completed()), end),
        node.commit(Settle(claims[1], Completed())),
    )
    await node.commit(JournalPut(runs[0], entry_of("second", value=b"2")), guards=[held[0]])
    store = node.backend.workflow
    assert await store.journal(runs[0]) == [entry_of("first", value=b"1"), entry_of("second", value=b"2")]
    assert (await store.run(runs[1]), await store.journal(runs[1])) == (None, [])
    ended = await store.run(runs[2])
    assert ended is not None
    assert (ended.status, ended.output, ended.entries) == ("completed", b"2", 1)
    assert [claim.id for claim in await node.claim()] == []


async def a_run_is_listed_as_running_suspended_and_ended(nodes: Nodes) -> None:
    node = await nodes.open()
    claim, run = await started(nodes, node)
    await node.commit(begin(claim))  # a second time changes nothing
    first = await node.backend.workflow.run(run)
    assert first is not None
    assert (first.status, first.topic, first.trace, first.input) == ("running", Q.topic, TRACE, claim.payload)
    await node.commit(Settle(claim, Suspended(NOW_MS + 5000)))
    suspended = await node.backend.workflow.run(run)
    assert suspended is not None
    assert (suspended.status, suspended.due_at_ms) == ("suspended", NOW_MS + 5000)
    assert [item.id for item in await node.backend.workflow.runs(status="suspended")] == [run]
    assert await node.one(PromoteDue(NOW_MS + 5000)) > 0
    (again,) = await node.claim()
    assert (again.failures, again.crashes) == (0, 0)
    await node.commit(
        Settle(again, Completed()),
        RunEnd(run=run, status="completed", at_ms=NOW_MS + 6000, output=b"42"),
    )
    ended = await node.backend.workflow.run(run)
    assert ended is not None
    assert (ended.status, ended.output, ended.ended_at_ms) == ("completed", b"42", NOW_MS + 6000)
    assert await node.backend.workflow.runs(status="suspended") == []
    assert [item.id for item in await node.backend.workflow.runs(step=Q.step)] == [run]


async def runs_are_found_by_their_message_and_page_by_page(nodes: Nodes) -> None:
    node = await nodes.open()
    found = []
    for _ in range(3):
        await node.commit(nodes.enqueue(b"1"))
        (claim,) = await node.claim()
        for step in ("a", "b"):
            found.append(RunId(claim.id, step))
            await node.commit(
                RunBegin(run=found[-1], topic=Q.topic, started_at_ms=NOW_MS, trace=TRACE, input=b"1")
            )
    store = node.backend.workflow
    assert [run.id for run in await store.of_message(found[2].message_id)] == found[2:4]
    assert await store.of_message(nodes.id()) == []
    before, pages = None, []
    while page := [run.id for run in await store.runs(limit=1, before=before)]:
        pages += page
        before = page[-1]
    assert pages == sorted(found, reverse=True)


async def a_held_run_says_so_while_it_waits(nodes: Nodes) -> None:
    node = await nodes.open()
    claim, run = await started(nodes, node)
    held = JournalEntry(name="$held", kind="marker", status="waiting", at_ms=NOW_MS, error=b'{"code":"x"}')
    await node.commit(JournalPut(run, held), Settle(claim, Rescheduled(NOW_MS + 5000, 0)))
    for found in (await node.backend.workflow.runs(status="held"), [await node.backend.workflow.run(run)]):
        (summary,) = found
        assert summary is not None
        assert (summary.id, summary.status) == (run, "held")
        assert summary.held is not None
        assert (summary.held.at_ms, summary.held.error) == (NOW_MS, b'{"code":"x"}')
    assert await node.backend.workflow.runs(status="suspended") == []
    assert await node.backend.workflow.runs(status="running") == []
    (again,) = await _due(node)
    await node.commit(JournalPut(run, replace(held, status="done")), Settle(again, Rescheduled(NOW_MS, 0)))
    (after,) = await node.backend.workflow.runs(status="suspended")
    assert (after.status, after.held) == ("suspended", None)


async def _due(node: Node) -> list[Claim]:
    await node.commit(PromoteDue(NOW_MS + 5000, 10))
    return await node.claim()
