"""What the checks of workflows begin with: a run, its entries, its waits and their mail."""

from __future__ import annotations

from typing import Any

from motia.core.batch import (
    Post,
    RunBegin,
    WaitFor,
)
from motia.core.message import Claim
from motia.core.workflow import JournalEntry, Mail, RunId, mail_key
from motia.testing.conformance.harness import NOW_MS, TRACE, Node, Nodes

DAY_MS = 86_400_000
PAID = mail_key(["order"], {"order": 7})
assert PAID is not None


def begin(claim: Claim) -> RunBegin:
    run = RunId(claim.id, claim.queue.step)
    return RunBegin(run=run, topic=claim.queue.topic, started_at_ms=NOW_MS, trace=TRACE, input=claim.payload)


def entry_of(name: str, status: Any = "done", **fields: Any) -> JournalEntry:
    return JournalEntry(name=name, kind="step", status=status, at_ms=NOW_MS, **fields)


def wait_of(claim: Claim, name: str = "paid", since_ms: int = NOW_MS) -> WaitFor:
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


def paid(nodes: Nodes, order: int = 7, at_ms: int = NOW_MS) -> Post:
    return Post(
        Mail(
            id=nodes.id(),
            topic="payment.paid",
            payload=b'{"order":%d}' % order,
            at_ms=at_ms,
            keep_until_ms=at_ms + DAY_MS,
        )
    )


async def started(nodes: Nodes, node: Node) -> tuple[Claim, RunId]:
    await node.commit(nodes.enqueue(b'{"order":7}'))
    (claim,) = await node.claim()
    await node.commit(begin(claim))
    return claim, RunId(claim.id, claim.queue.step)
