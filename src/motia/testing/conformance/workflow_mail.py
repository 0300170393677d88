"""The mail that runs wait for."""

from __future__ import annotations

from dataclasses import replace

from motia.core.batch import (
    GiveUpWait,
    JournalPut,
    Post,
    RegisterMail,
    Settle,
    Suspended,
    WaitFor,
)
from motia.core.workflow import JournalEntry, Mail
from motia.testing.conformance.harness import NOW_MS, Nodes, needs
from motia.testing.conformance.workflow_parts import DAY_MS, paid, started, wait_of


async def mail_that_comes_later_ends_the_wait_and_wakes_the_run(nodes: Nodes) -> None:
    node = await nodes.open()
    claim, run = await started(nodes, node)
    entry = JournalEntry(name="paid", kind="wait", status="waiting", at_ms=NOW_MS)
    _, there = await node.commit(JournalPut(run, entry), wait_of(claim))
    assert there is False
    await node.commit(Settle(claim, Suspended(None, ["paid"])))
    assert await node.claim() == []
    assert await node.one(paid(nodes, order=8)) == 0
    assert await node.claim() == []
    post = paid(nodes)
    assert await node.one(post) == 1
    (again,) = await node.claim()
    assert again.id == claim.id
    (found,) = await node.backend.workflow.journal(run)
    assert (found.status, found.value, found.mail_id) == ("done", b'{"order":7}', post.mail.id)
    assert await node.one(paid(nodes)) == 0


async def mail_that_comes_before_the_suspension_is_not_slept_over(nodes: Nodes) -> None:
    node = await nodes.open()
    claim, run = await started(nodes, node)
    entry = JournalEntry(name="paid", kind="wait", status="waiting", at_ms=NOW_MS)
    await node.commit(JournalPut(run, entry), wait_of(claim))
    assert await node.one(paid(nodes)) == 1
    await node.commit(Settle(claim, Suspended(NOW_MS + DAY_MS, ["paid"])))
    (again,) = await node.claim()
    assert again.id == claim.id


async def mail_that_came_before_the_wait_is_found_once(nodes: Nodes) -> None:
    node = await nodes.open()
    claim, run = await started(nodes, node)
    assert await node.one(paid(nodes)) == 0, "nobody has ever waited: nothing is kept"
    await node.commit(RegisterMail("payment.paid", ["order"]))
    early, second = paid(nodes, at_ms=NOW_MS - 10), paid(nodes, at_ms=NOW_MS + 1)
    await node.commit(early)
    await node.commit(second)
    for name, expected in (("paid", second.mail.id), ("paid#2", None)):
        entry = JournalEntry(name=name, kind="wait", status="waiting", at_ms=NOW_MS)
        _, there = await node.commit(JournalPut(run, entry), wait_of(claim, name))
        assert there is (expected is not None)
    found = await node.backend.workflow.journal(run)
    assert [(item.status, item.mail_id) for item in found] == [("done", second.mail.id), ("waiting", None)]


async def mail_with_a_key_of_its_own_is_kept_for_its_reader(nodes: Nodes) -> None:
    node = await nodes.open()
    claim, run = await started(nodes, node)
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


async def a_wait_is_given_up_unless_its_mail_was_first(nodes: Nodes) -> None:
    node = await nodes.open()
    claim, run = await started(nodes, node)
    waiting = JournalEntry(name="paid", kind="wait", status="waiting", at_ms=NOW_MS)
    await node.commit(JournalPut(run, waiting), wait_of(claim))
    late = replace(waiting, status="failed", error=b"{}")
    assert await node.one(GiveUpWait(run, late)) is True
    assert await node.one(paid(nodes)) == 0
    assert await node.backend.workflow.journal(run) == [late]
    second = replace(waiting, name="paid#2")
    await node.commit(JournalPut(run, second), replace(wait_of(claim, "paid#2"), since_ms=NOW_MS + 5))
    assert await node.one(paid(nodes, at_ms=NOW_MS + 6)) == 1
    assert await node.one(GiveUpWait(run, replace(second, status="failed"))) is False
    assert (await node.backend.workflow.journal(run))[1].status == "done"


async def open_approvals_are_listed(nodes: Nodes) -> None:
    node = await nodes.open()
    claim, run = await started(nodes, node)
    assert await node.backend.workflow.approvals(NOW_MS) == []
    asked = []
    for name, due_at_ms in (("approval", NOW_MS + 5), ("approval#2", NOW_MS + 9)):
        entry = JournalEntry(
            name=name, kind="approval", status="waiting", at_ms=NOW_MS, value=b"{}", due_at_ms=due_at_ms
        )
        wait = replace(wait_of(claim, name), topic="$approval", fields=None, key=name)
        await node.commit(JournalPut(run, entry), wait)
        asked.append((run, entry))
    entry = JournalEntry(name="paid", kind="wait", status="waiting", at_ms=NOW_MS, due_at_ms=NOW_MS + 9)
    await node.commit(JournalPut(run, entry), wait_of(claim))
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
    wait = replace(wait_of(claim, "approval#3"), topic="$approval", fields=None, key="approval#2")
    _, there = await node.commit(JournalPut(run, entry), wait)
    assert there is False


@needs("shared")
async def mail_posted_on_one_node_wakes_a_run_of_another(nodes: Nodes) -> None:
    node, other = await nodes.open(), await nodes.open()
    claim, run = await started(nodes, node)
    entry = JournalEntry(name="paid", kind="wait", status="waiting", at_ms=NOW_MS)
    await node.commit(JournalPut(run, entry), wait_of(claim))
    await node.commit(Settle(claim, Suspended(None, ["paid"])))
    assert await other.one(paid(nodes)) == 1
    assert [again.id for again in await other.claim()] == [claim.id]
