"""Messages that ran when a process died: alone the next time, and never buried for another's fault (R4)."""

from __future__ import annotations

from typing import Any

import pytest

from motia import encoding
from motia.core.batch import Batch, ClaimReady, Enqueue, RecoverNode, RegisterNode, WantedQueue
from motia.core.clock import SystemEntropy
from motia.core.ids import Ids
from motia.core.invocation import Crashed
from motia.core.message import Claim, NewMessage, QueueName, TraceContext
from motia.core.retry import RetryPolicy
from motia.errors import WorkerError
from motia.queue.transitions import decide
from motia.testing.app import TestApp
from motia.testing.clock import ManualClock

DEAD = b"\xff" * 16
QUEUE = QueueName("work", "Work")
WORK = """
started = []
ends = {}

config = {"name": "Work", "triggers": [queue("work", timeout="1h"), http("POST", "/work")]}
async def handler(input, ctx):
    if ctx.is_http():
        ends.setdefault(input.body, asyncio.Event()).set()
        return {"status": 200, "body": started}
    started.append(input)
    await ends.setdefault(input, asyncio.Event()).wait()
"""


async def make_suspects(app: TestApp, *names: str) -> None:
    """Messages that ran together in a node that is dead now."""
    engine: Any = app.app.engine
    ids = Ids(app.clock, SystemEntropy())
    made = [
        NewMessage(
            id=ids.message_id(),
            queue=QUEUE,
            payload=encoding.encode(name),
            trace=TraceContext(ids.trace_id(), ""),
            enqueued_at_ms=app.clock.now_ms(),
        )
        for name in names
    ]
    await engine.backend.commit(
        Batch(
            [
                RegisterNode(DEAD, 1, app.clock.now_ms()),
                *(Enqueue(one) for one in made),
                ClaimReady(node=DEAD, wanted=[WantedQueue(QUEUE, len(made))], max_bytes=1000),
                RecoverNode(DEAD, None, 10, 0, b"{}"),
            ]
        )
    )
    await app.advance(0.3)


async def end(app: TestApp, name: str) -> list[str]:
    """Let the handler of a message end; all that started until now."""
    await app.http.post("/work", json=name)
    await app.advance(0)
    return await started(app)


async def started(app: TestApp) -> list[str]:
    answer = await app.http.post("/work", json="nobody")
    found: list[str] = answer.json()
    return found


def test_a_suspect_waits_for_what_runs_and_nothing_starts_beside_it(project: Any) -> None:
    project.step("work", WORK)

    async def scenario(app: TestApp) -> None:
        await app.emit("work", "before")
        await app.advance(0)
        await make_suspects(app, "one", "two")
        await app.emit("work", "after")
        await app.advance(1)
        assert await started(app) == ["before"]
        assert await end(app, "before") == ["before", "one"]
        assert await end(app, "one") == ["before", "one", "two"]
        assert await end(app, "two") == ["before", "one", "two", "after"]

    project.run(scenario, clock=ManualClock())


def test_what_runs_long_keeps_a_suspect_waiting_and_not_the_others(project: Any) -> None:
    project.step("work", WORK)

    async def scenario(app: TestApp) -> None:
        await app.emit("work", "long")
        await app.advance(0)
        await make_suspects(app, "suspect")
        await app.emit("work", "first")
        await app.advance(9)
        assert await started(app) == ["long"]
        await app.advance(2)
        assert await started(app) == ["long", "first"]
        # It tries again, for twice as long.
        await app.advance(20)
        await app.emit("work", "second")
        await app.advance(15)
        assert await started(app) == ["long", "first"]
        await end(app, "first")
        assert (await end(app, "long"))[2:] == ["suspect"]
        assert (await end(app, "suspect"))[2:] == ["suspect", "second"]

    project.run(scenario, clock=ManualClock())


@pytest.mark.parametrize(("max_crashes", "beside"), [(3, ["second"]), (2, [])])
def test_only_a_suspect_whose_crash_would_not_bury_it_gets_company(
    project: Any, max_crashes: int, beside: list[str]
) -> None:
    project.step("work", WORK)

    async def scenario(app: TestApp) -> None:
        await make_suspects(app, "first")
        await app.emit("work", "second")
        await app.advance(9)
        assert await started(app) == ["first"]
        await app.advance(60)
        assert await started(app) == ["first", *beside]
        await make_suspects(app, "third")
        await app.advance(600)
        assert "third" not in await started(app)
        await end(app, "second")
        await end(app, "first")
        assert "third" in await started(app)

    project.run(scenario, clock=ManualClock(), queue={"max_crashes": max_crashes})


def test_a_suspect_that_is_cancelled_before_it_starts_lets_the_others_go_on(project: Any) -> None:
    project.step("work", WORK)

    async def scenario(app: TestApp) -> None:
        await app.emit("work", "before")
        await app.advance(0)
        await make_suspects(app, "suspect")
        await app.emit("work", "after")
        await app.advance(0)
        consumer = app.app.engine.consumer  # type: ignore[union-attr]  # the app is started
        assert (consumer.held, len(consumer.known_claims())) == (1, 2)
        consumer.stop_cancelled(frozenset(consumer.known_claims()) - {(1, 1)})
        await app.advance(1)
        assert await started(app) == ["before", "after"]

    project.run(scenario, clock=ManualClock())


@pytest.mark.parametrize(
    ("crashes", "suspect", "alone", "max_crashes", "verdict"),
    [
        (2, True, False, 3, "dead"),
        (2, False, True, 3, "dead"),
        (2, False, False, 3, "crashed"),
        (1, True, True, 3, "crashed"),
        (0, False, False, 1, "dead"),
    ],
)
def test_a_worker_that_dies_buries_only_who_ran_alone_in_it(
    crashes: int, suspect: bool, alone: bool, max_crashes: int, verdict: str
) -> None:
    claim = Claim(
        seq=1,
        id=b"1" * 16,
        queue=QUEUE,
        token=3,
        payload=b"1",
        trace=TraceContext("", ""),
        enqueued_at_ms=0,
        crashes=crashes,
        suspect=suspect,
    )
    outcome = Crashed(WorkerError("gone", code="worker.crashed"), alone=alone)
    decision = decide(
        outcome, claim, RetryPolicy(), now_ms=0, random_unit=0, redact=dict, max_crashes=max_crashes
    )
    assert decision.verdict == verdict
