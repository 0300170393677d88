"""What operators and code do to messages that exist: cancel, move, pause, resume. Here and on other nodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from motia.core.batch import (
    Batch,
    CancellationsSeen,
    CancelMessages,
    Ended,
    MoveMessages,
    PauseQueues,
    ResumeQueues,
)
from motia.core.ids import format_id
from motia.core.message import MessageId, QueueName
from motia.engine.periodic import Periodic

if TYPE_CHECKING:
    from motia.engine.engine import Engine

_PAGE = 500


class Interventions(Periodic):
    """What is cancelled or paused on any node takes effect on this one within a second, and at once if it was
    done here."""

    task = "looking for what was cancelled or paused"
    every_s = 1.0
    """How soon a node learns what was done elsewhere."""

    async def look(self) -> None:
        """Stop what was cancelled, give back what is paused."""
        engine = self._engine
        cancelled = frozenset(await engine.backend.queue.cancellations(engine.node_id))
        if cancelled:
            engine.consumer.stop_cancelled(cancelled)
            await engine.backend.commit(Batch((CancellationsSeen(engine.node_id, cancelled),)))
        pauses = await engine.backend.queue.pauses()
        if pauses:
            await engine.consumer.give_back(lambda queue: any(pause.holds(queue) for pause in pauses))

    # Actions ----------------------------------------------------------------------------------------

    async def cancel(
        self, ids: Sequence[MessageId], queue: QueueName | None = None, *, undo: bool = True
    ) -> list[Ended]:
        """End messages, in all their queues or in one; runs of workflows undo what they did, unless `undo` is
        False. The result leaves out those that have ended or are being undone."""
        ended: list[Ended] = []
        for first in range(0, len(ids), _PAGE):
            page = frozenset(ids[first : first + _PAGE])
            operation = CancelMessages(page, queue, now_ms=self._engine.clock.now_ms(), undo=undo)
            ended += await self._cancel(operation)
        return ended

    async def cancel_trace(self, trace_id: str) -> list[Ended]:
        """End everything that a trace led to and that has not ended: messages, and what runs here of it."""
        ended: list[Ended] = []
        self._engine.stop_trace(trace_id)
        # What runs on other nodes may enqueue until it is stopped: looked for until nothing is left.
        # Runs that are being undone are left over.
        while found := await self.cancel(await self._engine.backend.queue.of_trace(trace_id)):
            ended += found
        return ended

    async def cancel_bulk(self, bulk: bytes) -> list[Ended]:
        """End what is left of an `enqueue_many`."""
        ended: list[Ended] = []
        now_ms = self._engine.clock.now_ms()
        while page := await self._cancel(CancelMessages(bulk=bulk, limit=_PAGE, now_ms=now_ms)):
            ended += page
        return ended

    async def _cancel(self, operation: CancelMessages) -> list[Ended]:
        engine = self._engine
        (found,) = await engine.backend.commit(Batch((operation,)))
        ended: list[Ended] = found
        if any(one.ran_on == engine.node_id for one in ended):
            await self.look()
        for one in ended:
            # What runs tells of its end by itself.
            if engine.recorder.listened and one.ran_on is None and not one.undoes:
                tell_ended(engine, one, "cancelled")
        return ended

    async def move(self, ids: Sequence[MessageId], due_at_ms: int | None) -> int:
        """Let waiting messages become due then; None = now. Gives how many there were."""
        (count,) = await self._engine.backend.commit(Batch((MoveMessages(frozenset(ids), due_at_ms),)))
        if due_at_ms is not None:
            self._engine.due_sooner(max(0.0, (due_at_ms - self._engine.clock.now_ms()) / 1000))
        moved: int = count
        return moved

    async def pause(self, topic: str = "*", step: str = "*") -> None:
        """Take nothing more from these queues, on any node. What runs goes on."""
        now_ms = self._engine.clock.now_ms()
        await self._engine.backend.commit(Batch((PauseQueues(now_ms, topic, step),)))
        await self.look()

    async def resume(self, topic: str = "*", step: str = "*", *, everything: bool = False) -> int:
        """Take back a pause; how many there were."""
        (count,) = await self._engine.backend.commit(Batch((ResumeQueues(topic, step, everything),)))
        resumed: int = count
        return resumed


def tell_ended(engine: Engine, one: Ended, outcome: str) -> None:
    """An event for a message that ended without running."""
    engine.recorder.event(
        "message.settled",
        topic=one.queue.topic,
        step=one.queue.step,
        message_id=format_id(one.id),
        trace_id=one.trace.trace_id,
        outcome=outcome,
        due_at_ms=None,
    )
