"""Runs, their journals, and the mail they wait for."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from motia.core.batch import (
    CancelMessages,
    ClaimHeld,
    Completed,
    Enqueue,
    ExpireMessages,
    GiveUpWait,
    JournalPut,
    Post,
    PromoteDue,
    PruneRuns,
    RecoverNode,
    Redrive,
    RegisterMail,
    Rescheduled,
    RetryRun,
    RunBegin,
    RunEnd,
    Settle,
    Suspended,
    WaitFor,
)
from motia.core.flow import Flow
from motia.core.ids import format_id
from motia.core.message import Claim
from motia.core.workflow import JournalEntry, Mail, RunId, mail_key, undo_marker
from motia.errors import ConflictError, InputError
from motia.testing.conformance.harness import NOW_MS, OTHER, TRACE, Node, Nodes, Q, die, needs, raised_by

DAY_MS = 86_400_000
PAID = mail_key(["order"], {"order": 7})
assert PAID is not None


def _begin(claim: Claim) -> RunBegin:
    run = RunId(claim.id, claim.queue.step)
    return RunBegin(run=run, topic=claim.queue.topic, started_at_ms=NOW_MS, trace=TRACE, input=claim.payload)


def _entry(name: str, status: Any = "done", **fields: Any) -> JournalEntry:
    return JournalEntry(name=name, kind="step", status=status, at_ms=NOW_MS, **fields)


def _wait(claim: Claim, name: str = "paid", since_ms: int = NOW_MS) -> WaitFor:
    return WaitFor(
        run=RunId(claim.id, claim.queue.step),
        queue=claim.queue,
        name=name,
        topic="payment.paid",
        fields=["order"],
        key=PAID or "",
        since_ms=since_ms,
        now_ms=NOW_MS,
    )


def _paid(nodes: Nodes, order: int = 7, at_ms: int = NOW_MS) -> Post:
    return Post(
        Mail(
            id=nodes.id(),
            topic="payment.paid",
            payload=b'{"order":%d}' % order,
            at_ms=at_ms,
            keep_until_ms=at_ms + DAY_MS,
        )
    )


async def _started(nodes: Nodes, node: Node) -> tuple[Claim, RunId]:
    await node.commit(nodes.enqueue(b'{"order":7}'))
    (claim,) = await node.claim()
    await node.commit(_begin(claim))
    return claim, RunId(claim.id, claim.queue.step)


async def entries_come_back_in_the_order_they_came_to_be(nodes: Nodes) -> None:
    node = await nodes.open()
    claim, run = await _started(nodes, node)
    await node.commit(JournalPut(run, _entry("reserve", value=b"1")))
    await node.commit(JournalPut(run, _entry("charge", "retrying", attempts=1, error=b"{}")))
    await node.commit(JournalPut(run, _entry("ship", "failed", error=b'{"message":"no"}', version=2)))
    await node.commit(JournalPut(run, _entry("charge", value=b'"ok"', attempts=2, due_at_ms=NOW_MS)))
    found = await node.backend.workflow.journal(run)
    assert [entry.name for entry in found] == ["reserve", "charge", "ship"]
    assert found[1] == _entry("charge", value=b'"ok"', attempts=2, due_at_ms=NOW_MS)
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
    put = [JournalPut(run, _entry("first", value=b"1")) for run in runs]
    done = await asyncio.gather(
        node.commit(_begin(claims[0]), put[0], guards=[held[0]]),
        node.commit(_begin(claims[1]), put[1], guards=[stale]),
        node.commit(_begin(claims[2]), put[2], guards=[held[2]]),
        return_exceptions=True,
    )
    assert [type(one) for one in done] == [list, ConflictError, list]
    second = JournalPut(runs[0], _entry("second", "retrying", attempts=1))
    end = RunEnd(run=runs[2], status="completed", at_ms=NOW_MS, output=b"2")
    await asyncio.gather(
        node.commit(second, guards=[held[0]]),
        node.commit(Settle(claims[2], Completed()), end),
        node.commit(Settle(claims[1], Completed())),
    )
    await node.commit(JournalPut(runs[0], _entry("second", value=b"2")), guards=[held[0]])
    store = node.backend.workflow
    assert await store.journal(runs[0]) == [_entry("first", value=b"1"), _entry("second", value=b"2")]
    assert (await store.run(runs[1]), await store.journal(runs[1])) == (None, [])
    ended = await store.run(runs[2])
    assert ended is not None
    assert (ended.status, ended.output, ended.entries) == ("completed", b"2", 1)
    assert [claim.id for claim in await node.claim()] == []


async def a_run_is_listed_as_running_suspended_and_ended(nodes: Nodes) -> None:
    node = await nodes.open()
    claim, run = await _started(nodes, node)
    await node.commit(_begin(claim))  # a second time changes nothing
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


async def mail_that_comes_later_ends_the_wait_and_wakes_the_run(nodes: Nodes) -> None:
    node = await nodes.open()
    claim, run = await _started(nodes, node)
    entry = JournalEntry(name="paid", kind="wait", status="waiting", at_ms=NOW_MS)
    _, there = await node.commit(JournalPut(run, entry), _wait(claim))
    assert there is False
    await node.commit(Settle(claim, Suspended(None, ["paid"])))
    assert await node.claim() == []
    assert await node.one(_paid(nodes, order=8)) == 0
    assert await node.claim() == []
    post = _paid(nodes)
    assert await node.one(post) == 1
    (again,) = await node.claim()
    assert again.id == claim.id
    (found,) = await node.backend.workflow.journal(run)
    assert (found.status, found.value, found.mail_id) == ("done", b'{"order":7}', post.mail.id)
    assert await node.one(_paid(nodes)) == 0


async def mail_that_comes_before_the_suspension_is_not_slept_over(nodes: Nodes) -> None:
    node = await nodes.open()
    claim, run = await _started(nodes, node)
    entry = JournalEntry(name="paid", kind="wait", status="waiting", at_ms=NOW_MS)
    await node.commit(JournalPut(run, entry), _wait(claim))
    assert await node.one(_paid(nodes)) == 1
    await node.commit(Settle(claim, Suspended(NOW_MS + DAY_MS, ["paid"])))
    (again,) = await node.claim()
    assert again.id == claim.id


async def mail_that_came_before_the_wait_is_found_once(nodes: Nodes) -> None:
    node = await nodes.open()
    claim, run = await _started(nodes, node)
    assert await node.one(_paid(nodes)) == 0, "nobody has ever waited: nothing is kept"
    await node.commit(RegisterMail("payment.paid", ["order"]))
    early, second = _paid(nodes, at_ms=NOW_MS - 10), _paid(nodes, at_ms=NOW_MS + 1)
    await node.commit(early)
    await node.commit(second)
    for name, expected in (("paid", second.mail.id), ("paid#2", None)):
        entry = JournalEntry(name=name, kind="wait", status="waiting", at_ms=NOW_MS)
        _, there = await node.commit(JournalPut(run, entry), _wait(claim, name))
        assert there is (expected is not None)
    found = await node.backend.workflow.journal(run)
    assert [(item.status, item.mail_id) for item in found] == [("done", second.mail.id), ("waiting", None)]


async def mail_with_a_key_of_its_own_is_kept_for_its_reader(nodes: Nodes) -> None:
    node = await nodes.open()
    claim, run = await _started(nodes, node)
    mail = Mail(
        id=nodes.id(), topic="$result", payload=b"5", at_ms=NOW_MS, keep_until_ms=NOW_MS + DAY_MS, key="k"
    )
    await node.commit(Post(mail))
    entry = JournalEntry(name="call", kind="call", status="waiting", at_ms=NOW_MS)
    wait = WaitFor(
        run=run,
        queue=claim.queue,
        name="call",
        topic="$result",
        fields=None,
        key="k",
        since_ms=0,
        now_ms=NOW_MS,
    )
    _, there = await node.commit(JournalPut(run, entry), wait)
    assert there is True
    assert (await node.backend.workflow.journal(run))[0].value == b"5"


async def an_ended_run_waits_for_nothing_and_goes_after_its_retention(nodes: Nodes) -> None:
    node = await nodes.open()
    claim, run = await _started(nodes, node)
    entry = JournalEntry(name="paid", kind="wait", status="waiting", at_ms=NOW_MS)
    await node.commit(JournalPut(run, entry), _wait(claim))
    await node.commit(die(claim), RunEnd(run=run, status="failed", at_ms=NOW_MS, error=b'{"code":"x"}'))
    assert await node.one(_paid(nodes)) == 0
    failed = await node.backend.workflow.run(run)
    assert failed is not None
    assert (failed.status, failed.error, failed.entries) == ("failed", b'{"code":"x"}', 1)
    assert await node.one(PruneRuns(NOW_MS, NOW_MS)) == 0
    assert await node.one(PruneRuns(NOW_MS + 1, NOW_MS + 2 * DAY_MS)) > 0
    assert await node.backend.workflow.run(run) is None
    assert await node.backend.workflow.journal(run) == []
    await node.commit(RunEnd(run=run, status="completed", at_ms=NOW_MS))
    assert await node.backend.workflow.run(run) is None


async def an_ended_run_begins_again_and_forgets_what_is_done_anew(nodes: Nodes) -> None:
    node = await nodes.open()
    claim, run = await _started(nodes, node)
    await raised_by(node.commit(RetryRun(run)), InputError)
    for name in ("reserve", "charge", "ship"):
        await node.commit(JournalPut(run, _entry(name)))
    end = RunEnd(run=run, status="completed", at_ms=NOW_MS, output=b"1")
    await node.commit(Settle(claim, Completed()), end)
    unknown = await raised_by(node.commit(RetryRun(run, "pack")), InputError)
    assert unknown.code == "run.unknown_entry"
    assert await node.claim() == []
    assert await node.one(RetryRun(run, "charge")) == {"charge", "ship"}
    summary = await node.backend.workflow.run(run)
    assert summary is not None
    assert (summary.status, summary.ended_at_ms, summary.output) == ("running", None, None)
    (again,) = await node.claim()
    assert (again.id, again.payload, again.failures) == (claim.id, claim.payload, 0)
    assert again.token > 1, "whoever holds it knows that there is a journal"
    assert [entry.name for entry in await node.backend.workflow.journal(run)] == ["reserve"]
    missing = await raised_by(node.commit(RetryRun(RunId(nodes.id(), "a"))), InputError)
    assert missing.code == "run.unknown"


async def a_run_whose_dead_letter_is_redriven_goes_on_where_it_failed(nodes: Nodes) -> None:
    node = await nodes.open()
    for retry in (None, Redrive(queue=Q)):
        claim, run = await _started(nodes, node)
        undone = JournalEntry(name="undo charge", kind="undo", status="done", at_ms=NOW_MS)
        for entry in (_entry("reserve"), _entry("charge"), _entry("ship", "failed", error=b"{}")):
            await node.commit(JournalPut(run, entry))
        await node.commit(JournalPut(run, undo_marker(NOW_MS)), JournalPut(run, undone))
        await node.commit(die(claim), RunEnd(run=run, status="failed", at_ms=NOW_MS, error=b"{}"))
        await node.commit(RetryRun(run) if retry is None else retry)
        (again,) = await node.claim()
        assert (again.id, again.token > 1) == (claim.id, True)
        assert await node.backend.queue.dead_letters() == []
        again_to_do = _entry("charge", "retrying")
        assert await node.backend.workflow.journal(run) == [_entry("reserve"), again_to_do]
        await node.commit(Settle(again, Completed()))


async def a_held_run_says_so_while_it_waits(nodes: Nodes) -> None:
    node = await nodes.open()
    claim, run = await _started(nodes, node)
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


async def a_run_that_crashed_too_often_is_undone_before_it_dies(nodes: Nodes) -> None:
    node = await nodes.open()
    claim, run = await _started(nodes, node)
    await node.commit(JournalPut(run, _entry("charge")))
    crash = b'{"code":"worker.crashed","message":"died"}'

    async def crashed(claim: Claim) -> None:
        ran = frozenset([(claim.seq, claim.id)])
        await node.commit(RecoverNode(node.id, ran, 2, NOW_MS, crash))

    for crashes in (1, 2, 3):
        await crashed(claim)
        (claim,) = await node.claim()
        assert (claim.crashes, claim.suspect) == (crashes, True)
        marker = undo_marker(NOW_MS, crash)
        expected = [_entry("charge"), marker] if crashes >= 2 else [_entry("charge")]
        assert await node.backend.workflow.journal(run) == expected
    await crashed(claim)
    assert await node.claim() == []
    (letter,) = await node.backend.queue.dead_letters()
    assert (letter.code, letter.crashes) == ("worker.crashed", 4)


async def a_run_that_did_nothing_dies_of_its_crashes(nodes: Nodes) -> None:
    node = await nodes.open()
    claim, run = await _started(nodes, node)
    await node.commit(JournalPut(run, _entry("charge", "failed", error=b"{}")))
    await node.commit(RecoverNode(node.id, None, 1, NOW_MS, b"{}"))
    assert [letter.id for letter in await node.backend.queue.dead_letters()] == [claim.id]


async def a_wait_is_given_up_unless_its_mail_was_first(nodes: Nodes) -> None:
    node = await nodes.open()
    claim, run = await _started(nodes, node)
    waiting = JournalEntry(name="paid", kind="wait", status="waiting", at_ms=NOW_MS)
    await node.commit(JournalPut(run, waiting), _wait(claim))
    late = replace(waiting, status="failed", error=b"{}")
    assert await node.one(GiveUpWait(run, late)) is True
    assert await node.one(_paid(nodes)) == 0
    assert await node.backend.workflow.journal(run) == [late]
    second = replace(waiting, name="paid#2")
    await node.commit(JournalPut(run, second), replace(_wait(claim, "paid#2"), since_ms=NOW_MS + 5))
    assert await node.one(_paid(nodes, at_ms=NOW_MS + 6)) == 1
    assert await node.one(GiveUpWait(run, replace(second, status="failed"))) is False
    assert (await node.backend.workflow.journal(run))[1].status == "done"


async def open_approvals_are_listed(nodes: Nodes) -> None:
    node = await nodes.open()
    claim, run = await _started(nodes, node)
    assert await node.backend.workflow.approvals(NOW_MS) == []
    asked = []
    for name, due_at_ms in (("approval", NOW_MS + 5), ("approval#2", NOW_MS + 9)):
        entry = JournalEntry(
            name=name, kind="approval", status="waiting", at_ms=NOW_MS, value=b"{}", due_at_ms=due_at_ms
        )
        wait = replace(_wait(claim, name), topic="$approval", fields=None, key=name)
        await node.commit(JournalPut(run, entry), wait)
        asked.append((run, entry))
    entry = JournalEntry(name="paid", kind="wait", status="waiting", at_ms=NOW_MS, due_at_ms=NOW_MS + 9)
    await node.commit(JournalPut(run, entry), _wait(claim))
    store = node.backend.workflow
    assert await store.approvals(NOW_MS) == asked
    assert await store.approvals(NOW_MS, limit=1) == asked[:1]
    assert await store.approvals(NOW_MS + 5) == asked[1:]
    answer = Mail(
        id=nodes.id(), topic="$approval", payload=b"1", at_ms=NOW_MS, keep_until_ms=NOW_MS, key="approval#2"
    )
    assert await node.one(Post(answer)) == 1
    assert await store.approvals(NOW_MS + 5) == []
    assert await node.one(Post(answer)) == 0, (
        "it is no answer to a question of the same name that comes later"
    )
    entry = JournalEntry(name="approval#3", kind="approval", status="waiting", at_ms=NOW_MS)
    wait = replace(_wait(claim, "approval#3"), topic="$approval", fields=None, key="approval#2")
    _, there = await node.commit(JournalPut(run, entry), wait)
    assert there is False


async def a_cancelled_run_is_given_out_once_more_to_be_undone(nodes: Nodes) -> None:
    node = await nodes.open()
    claim, run = await _started(nodes, node)
    entry = JournalEntry(name="paid", kind="wait", status="waiting", at_ms=NOW_MS)
    await node.commit(JournalPut(run, entry), _wait(claim))
    await node.commit(Settle(claim, Suspended(NOW_MS + DAY_MS, ["paid"])))
    cancel = CancelMessages(frozenset((claim.id,)), now_ms=NOW_MS + 1)
    (ended,) = await node.one(cancel)
    assert (ended.id, ended.queue, ended.ran_on, ended.undoes) == (claim.id, Q, None, True)
    assert await node.one(cancel) == []
    assert await node.one(_paid(nodes)) == 0, "it waits for nothing any more"
    (again,) = await node.claim()
    assert (again.id, again.seq, again.failures) == (claim.id, claim.seq, 0)
    assert (await node.backend.workflow.journal(run))[-1] == undo_marker(NOW_MS + 1)
    summary = await node.backend.workflow.run(run)
    assert summary is not None
    assert summary.status == "running"


async def a_run_that_is_cancelled_while_it_runs_loses_its_claim(nodes: Nodes) -> None:
    node = await nodes.open()
    claim, run = await _started(nodes, node)
    (ended,) = await node.one(CancelMessages(frozenset((claim.id,)), now_ms=NOW_MS))
    assert (ended.ran_on, ended.undoes) == (node.id, True)
    assert await node.backend.queue.cancellations(node.id) == [(claim.seq, claim.token)]
    (again,) = await node.claim()
    await raised_by(node.commit(Settle(claim, Completed())), ConflictError)
    # The one that runs now may be stopped too, while the first is still to hear of it.
    (ended,) = await node.one(CancelMessages(frozenset((claim.id,)), now_ms=NOW_MS, undo=False))
    assert not ended.undoes
    assert await node.backend.queue.cancellations(node.id) == [
        (claim.seq, claim.token),
        (claim.seq, again.token),
    ]
    summary = await node.backend.workflow.run(run)
    assert summary is not None
    assert (summary.status, summary.ended_at_ms) == ("cancelled", NOW_MS)
    assert await node.claim() == []


async def what_a_cancelled_run_called_is_cancelled_and_who_called_is_told(nodes: Nodes) -> None:
    node = await nodes.open()
    claim, run = await _started(nodes, node)
    called = nodes.message(b"1", OTHER)
    called.attributes = b'{"$reply":true}'
    wait = WaitFor(
        run=run,
        queue=claim.queue,
        name="call",
        topic="$result",
        fields=None,
        key=format_id(called.id),
        since_ms=NOW_MS,
        now_ms=NOW_MS,
    )
    entry = JournalEntry(name="call", kind="call", status="waiting", at_ms=NOW_MS)
    await node.commit(JournalPut(run, entry), wait, Enqueue(called))
    await node.commit(Settle(claim, Suspended(None, ["call"])))
    # The called one alone: its caller goes on with the news.
    assert len(await node.one(CancelMessages(frozenset((called.id,)), now_ms=NOW_MS))) == 1
    (found,) = await node.backend.workflow.journal(run)
    assert (found.status, b"message.cancelled" in (found.value or b"")) == ("done", True)
    (again,) = await node.claim()
    other = nodes.message(b"2", OTHER)
    entry = JournalEntry(name="call#2", kind="call", status="waiting", at_ms=NOW_MS)
    await node.commit(
        JournalPut(run, entry), replace(wait, name="call#2", key=format_id(other.id)), Enqueue(other)
    )
    await node.commit(Settle(again, Suspended(None, ["call#2"])))
    ended = await node.one(CancelMessages(frozenset((claim.id,)), now_ms=NOW_MS))
    assert [(one.id, one.undoes) for one in ended] == [(claim.id, True), (other.id, False)]
    assert await node.claim(OTHER) == []


async def a_run_does_not_expire(nodes: Nodes) -> None:
    node = await nodes.open()
    message = nodes.message(b"1")
    message.flow = Flow(expires_at_ms=NOW_MS + 10)
    await node.commit(Enqueue(message))
    (claim,) = await node.claim()
    await node.commit(replace(_begin(claim), expires=True))
    await node.commit(Settle(claim, Suspended(NOW_MS + 20)))
    assert await node.one(ExpireMessages(NOW_MS + 15)) == []
    assert await node.one(PromoteDue(NOW_MS + 20)) > 0
    (again,) = await node.claim()
    assert again.expires_at_ms is None


@needs("shared")
async def mail_posted_on_one_node_wakes_a_run_of_another(nodes: Nodes) -> None:
    node, other = await nodes.open(), await nodes.open()
    claim, run = await _started(nodes, node)
    entry = JournalEntry(name="paid", kind="wait", status="waiting", at_ms=NOW_MS)
    await node.commit(JournalPut(run, entry), _wait(claim))
    await node.commit(Settle(claim, Suspended(None, ["paid"])))
    assert await other.one(_paid(nodes)) == 1
    assert [again.id for again in await other.claim()] == [claim.id]
