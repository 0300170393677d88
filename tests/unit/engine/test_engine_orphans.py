"""Messages of steps that are gone: kept, told, and dead-lettered when they have waited long enough."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from motia import encoding
from motia.core.batch import Batch, Enqueue
from motia.core.message import NewMessage, QueueName, TraceContext
from motia.testing.app import TestApp
from motia.testing.clock import ManualClock

START = datetime(2026, 1, 1, tzinfo=UTC)
GONE = QueueName("order.created", "Gone")
DAY_S = 86_400
HOUR_S = 3_600


async def leave_orphan(app: TestApp, payload: bytes, *, group: str | None = None) -> None:
    engine = app.app.engine
    assert engine is not None
    message = NewMessage(
        id=engine.ids.message_id(),
        queue=GONE,
        payload=payload,
        group=group,
        trace=TraceContext(engine.ids.trace_id(), "", 0),
        enqueued_at_ms=app.clock.now_ms(),
    )
    await engine.backend.commit(Batch([Enqueue(message)]))


def test_they_are_dead_lettered_after_the_retention_and_not_before(project: Any) -> None:
    async def scenario(app: TestApp) -> None:
        for _ in range(2):
            await leave_orphan(app, b'{"old": true}', group="g")
        await app.advance(HOUR_S + 1)
        told = await app.until("message.orphaned")
        assert told.fields == {"topic": "order.created", "step": "Gone", "messages": 2}
        await app.advance(DAY_S)
        await leave_orphan(app, b'{"old": false}')
        await app.advance(DAY_S - 2 * HOUR_S)
        assert await app.dead_letters() == []
        await app.advance(2 * HOUR_S)
        dead = await app.dead_letters()
        assert [(one.code, one.failures, one.payload) for one in dead] == [
            ("step.removed", 0, b'{"old": true}')
        ] * 2
        assert "redrive" in encoding.decode(dead[0].error)["hint"]
        (left,) = [one for one in await app.app.backend.queue.depths() if one.queue == GONE]
        assert (left.ready, left.claimed, left.dead) == (1, 0, 2)

    project.run(scenario, clock=ManualClock(START), queue={"orphan_days": 2.0})


def test_an_old_message_is_safe_while_its_step_is_gone_for_a_moment(project: Any) -> None:
    async def scenario(app: TestApp) -> None:
        engine = app.app.engine
        assert engine is not None
        await leave_orphan(app, b"{}")
        await app.advance(30 * 60)
        # What a restart does: the first look of a node only takes note.
        engine.orphans._before = frozenset()
        await app.advance(31 * 60)
        assert await app.dead_letters() == []
        await app.advance(HOUR_S)
        assert [one.code for one in await app.dead_letters()] == ["step.removed"]

    project.run(scenario, clock=ManualClock(START), queue={"orphan_days": 1e-9})
