"""How runs end: retained, retried, undone, cancelled."""

from __future__ import annotations

from dataclasses import replace

from motia.core.batch import (
    CancelMessages,
    Completed,
    Enqueue,
    ExpireMessages,
    JournalPut,
    PromoteDue,
    PruneRuns,
    RecoverNode,
    Redrive,
    Rescheduled,
    RetryRun,
    RunEnd,
    Settle,
    Suspended,
    WaitFor,
)
from motia.core.flow import Flow
from motia.core.ids import format_id
from motia.core.message import Claim
from motia.core.workflow import HELD_MARKER, JournalEntry, RunId, undo_marker
from motia.errors import ConflictError, InputError
from motia.testing.conformance.harness import NOW_MS, OTHER, Nodes, Q, die, raised_by
from motia.testing.conformance.workflow_parts import DAY_MS, begin, entry_of, paid, started, wait_of


async def an_ended_run_waits_for_nothing_and_goes_after_its_retention(nodes: Nodes) -> None:
    node = await nodes.open()
    claim, run = await started(nodes, node)
    entry = JournalEntry(name="paid", kind="wait", status="waiting", at_ms=NOW_MS)
    await node.commit(JournalPut(run, entry), wait_of(claim))
    await node.commit(die(claim), RunEnd(run=run, status="failed", at_ms=NOW_MS, error=b'{"code":"x"}'))
    assert await node.one(paid(nodes)) == 0
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
    claim, run = await started(nodes, node)
    await raised_by(node.commit(RetryRun(run, now_ms=NOW_MS)), InputError)
    for name in ("reserve", "charge", "ship"):
        await node.commit(JournalPut(run, entry_of(name)))
    end = RunEnd(run=run, status="completed", at_ms=NOW_MS, output=b"1")
    await node.commit(Settle(claim, Completed()), end)
    unknown = await raised_by(node.commit(RetryRun(run, "pack", now_ms=NOW_MS)), InputError)
    assert unknown.code == "run.unknown_entry"
    assert await node.claim() == []
    assert await node.one(RetryRun(run, "charge", now_ms=NOW_MS)) == {"charge", "ship"}
    summary = await node.backend.workflow.run(run)
    assert summary is not None
    assert (summary.status, summary.ended_at_ms, summary.output) == ("running", None, None)
    (again,) = await node.claim()
    assert (again.id, again.payload, again.failures) == (claim.id, claim.payload, 0)
    assert again.token > 1, "whoever holds it knows that there is a journal"
    assert [entry.name for entry in await node.backend.workflow.journal(run)] == ["reserve"]
    missing = await raised_by(node.commit(RetryRun(RunId(nodes.id(), "a"), now_ms=NOW_MS)), InputError)
    assert missing.code == "run.unknown"


async def a_held_run_goes_on_with_the_code_that_there_is(nodes: Nodes) -> None:
    node = await nodes.open()
    claim, run = await started(nodes, node)
    called = nodes.message(b"1", OTHER)
    await node.commit(Enqueue(called))
    wait = wait_of(claim)
    wait.topic, wait.fields, wait.key = "$result", None, format_id(called.id)
    cause = b'{"code":"workflow.changed","details":{"step":"charge"}}'
    for entry in (
        entry_of("reserve"),
        entry_of("charge"),
        JournalEntry(name="paid", kind="wait", status="waiting", at_ms=NOW_MS),
        JournalEntry(name=HELD_MARKER, kind="marker", status="waiting", at_ms=NOW_MS, error=cause),
    ):
        await node.commit(JournalPut(run, entry))
    await node.commit(wait)
    going = await raised_by(node.commit(RetryRun(run, now_ms=NOW_MS)), InputError)
    assert going.code == "run.not_ended", "it is looking for its code just now"
    await node.commit(Settle(claim, Rescheduled(NOW_MS + DAY_MS, 0)))
    assert await node.one(RetryRun(run, now_ms=NOW_MS)) == {"charge", "paid", HELD_MARKER}
    (again,) = await node.claim()
    assert (again.id, again.seq) == (claim.id, claim.seq)
    assert await node.backend.workflow.journal(run) == [entry_of("reserve")]
    assert await node.claim(OTHER) == [], "nobody waits any more for what it had called"
    held = JournalEntry(name=HELD_MARKER, kind="marker", status="waiting", at_ms=NOW_MS, error=cause)
    await node.commit(JournalPut(run, held), JournalPut(run, undo_marker(NOW_MS)))
    await node.commit(Settle(again, Rescheduled(NOW_MS + DAY_MS, 0)))
    undone = await raised_by(node.commit(RetryRun(run, now_ms=NOW_MS)), InputError)
    assert undone.code == "run.not_ended", "it was cancelled, and waits only for the code that undoes it"


async def a_run_whose_dead_letter_is_redriven_goes_on_where_it_failed(nodes: Nodes) -> None:
    node = await nodes.open()
    for retry in (None, Redrive(queue=Q)):
        claim, run = await started(nodes, node)
        undone = JournalEntry(name="undo charge", kind="undo", status="done", at_ms=NOW_MS)
        for entry in (entry_of("reserve"), entry_of("charge"), entry_of("ship", "failed", error=b"{}")):
            await node.commit(JournalPut(run, entry))
        await node.commit(JournalPut(run, undo_marker(NOW_MS)), JournalPut(run, undone))
        await node.commit(die(claim), RunEnd(run=run, status="failed", at_ms=NOW_MS, error=b"{}"))
        await node.commit(RetryRun(run, now_ms=NOW_MS) if retry is None else retry)
        (again,) = await node.claim()
        assert (again.id, again.token > 1) == (claim.id, True)
        assert await node.backend.queue.dead_letters() == []
        again_to_do = entry_of("charge", "retrying")
        assert await node.backend.workflow.journal(run) == [entry_of("reserve"), again_to_do]
        await node.commit(Settle(again, Completed()))


async def a_run_that_crashed_too_often_is_undone_before_it_dies(nodes: Nodes) -> None:
    node = await nodes.open()
    claim, run = await started(nodes, node)
    await node.commit(JournalPut(run, entry_of("charge")))
    crash = b'{"code":"worker.crashed","message":"died"}'

    async def crashed(claim: Claim) -> None:
        ran = frozenset([(claim.seq, claim.id)])
        await node.commit(RecoverNode(node.id, ran, 2, NOW_MS, crash))

    for crashes in (1, 2, 3):
        await crashed(claim)
        (claim,) = await node.claim()
        assert (claim.crashes, claim.suspect) == (crashes, True)
        marker = undo_marker(NOW_MS, crash)
        expected = [entry_of("charge"), marker] if crashes >= 2 else [entry_of("charge")]
        assert await node.backend.workflow.journal(run) == expected
    await crashed(claim)
    assert await node.claim() == []
    (letter,) = await node.backend.queue.dead_letters()
    assert (letter.code, letter.crashes) == ("worker.crashed", 4)


async def a_run_that_did_nothing_dies_of_its_crashes(nodes: Nodes) -> None:
    node = await nodes.open()
    claim, run = await started(nodes, node)
    await node.commit(JournalPut(run, entry_of("charge", "failed", error=b"{}")))
    await node.commit(RecoverNode(node.id, None, 1, NOW_MS, b"{}"))
    assert [letter.id for letter in await node.backend.queue.dead_letters()] == [claim.id]


async def a_cancelled_run_is_given_out_once_more_to_be_undone(nodes: Nodes) -> None:
    node = await nodes.open()
    claim, run = await started(nodes, node)
    entry = JournalEntry(name="paid", kind="wait", status="waiting", at_ms=NOW_MS)
    await node.commit(JournalPut(run, entry), wait_of(claim))
    await node.commit(Settle(claim, Suspended(NOW_MS + DAY_MS, ["paid"])))
    cancel = CancelMessages(frozenset((claim.id,)), now_ms=NOW_MS + 1)
    (ended,) = await node.one(cancel)
    assert (ended.id, ended.queue, ended.ran_on, ended.undoes) == (claim.id, Q, None, True)
    assert await node.one(cancel) == []
    assert await node.one(paid(nodes)) == 0, "it waits for nothing any more"
    (again,) = await node.claim()
    assert (again.id, again.seq, again.failures) == (claim.id, claim.seq, 0)
    assert (await node.backend.workflow.journal(run))[-1] == undo_marker(NOW_MS + 1)
    summary = await node.backend.workflow.run(run)
    assert summary is not None
    assert summary.status == "running"


async def a_run_that_is_cancelled_while_it_runs_loses_its_claim(nodes: Nodes) -> None:
    node = await nodes.open()
    claim, run = await started(nodes, node)
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
    claim, run = await started(nodes, node)
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
    await node.commit(replace(begin(claim), expires=True))
    await node.commit(Settle(claim, Suspended(NOW_MS + 20)))
    assert await node.one(ExpireMessages(NOW_MS + 15)) == []
    assert await node.one(PromoteDue(NOW_MS + 20)) > 0
    (again,) = await node.claim()
    assert again.expires_at_ms is None
