"""Finds nodes that died and gives their messages back."""

from __future__ import annotations

from typing import Any

from motia import encoding
from motia.backends.liveness import Crashed
from motia.core.batch import Batch, Died, Operation, RecoverNode, RunEnd
from motia.core.ids import format_id
from motia.core.message import Claim, NewMessage
from motia.core.workflow import UNDO_MARKER, RunId
from motia.engine.failures import failure_messages
from motia.engine.periodic import Periodic
from motia.engine.replies import reply


class Rescuer(Periodic):
    """Looks at start, every second, and at once when told that a node died."""

    task = "looking for dead nodes"
    every_s = 1.0

    async def start(self) -> None:
        """Returns when the nodes that were dead already are recovered."""
        await super().start()
        await self.looked()

    async def look(self) -> None:
        engine = self._engine
        for node, pid, lock_path in await engine.backend.queue.nodes():
            if node == engine.node_id or not lock_path:
                continue
            dead, crashed = engine.liveness.find_dead(lock_path)
            if not dead:
                continue
            running = None
            if crashed is not None:
                running = frozenset((one.seq, one.message_id) for one in crashed)
            error = {
                "code": "worker.crashed",
                "type": "ProcessDied",
                "message": f"the process that ran the message died (node {format_id(node)}, pid {pid})",
                "at": engine.clock.now_ms(),
            }
            operation = RecoverNode(
                node,
                running,
                engine.settings.queue.max_crashes,
                engine.clock.now_ms(),
                encoding.encode(error),
            )
            (count,) = await engine.backend.commit(Batch((operation,)))
            engine.liveness.forget(lock_path)
            if crashed:
                for one in crashed:
                    self._close_span(one, error)
                # Written before the message runs again: it may take this process down, too.
                await engine.flush_traces()
            engine.recorder.event("node.recovered", node=node.hex(), messages=count)
            if count:
                await self._tell_of_the_dead(operation.now_ms, count)
                ran = "an unknown number" if running is None else str(len(running))
                engine.report(
                    f"the node with pid {pid} died: {count} messages it held go back,"
                    f" {ran} of them were running"
                )
                engine.consumer.wake()

    async def _tell_of_the_dead(self, died_at_ms: int, most: int) -> None:
        """Messages that used up their crashes were buried by the store: their steps are told by us."""
        engine = self._engine
        messages: list[NewMessage] = []
        ends: list[Operation] = []
        for letter in await engine.backend.queue.dead_letters(limit=most):
            if letter.died_at_ms == died_at_ms and letter.code == "worker.crashed":
                claim = Claim(
                    seq=letter.seq,
                    id=letter.id,
                    queue=letter.queue,
                    token=0,
                    payload=letter.payload,
                    trace=letter.trace,
                    enqueued_at_ms=letter.enqueued_at_ms,
                    attributes=letter.attributes,
                )
                death = Died(letter.code, letter.error, letter.failures, letter.died_at_ms)
                messages += failure_messages(engine, claim, death)
                answer = {"error": encoding.decode(letter.error)}
                ends += reply(claim, answer, now_ms=died_at_ms, mail_id=engine.ids.message_id())
                run = RunId(letter.id, letter.queue.step)
                error = await self._told(run, letter.error)
                ends.append(RunEnd(run=run, status="failed", at_ms=died_at_ms, error=error))
        await engine.enqueue_messages(messages)
        if ends:
            await engine.backend.commit(Batch(ends))

    async def _told(self, run: RunId, error: bytes) -> bytes:
        """Why a run died, with what its undo, which died too, has left as it is."""
        entries = {entry.name: entry for entry in await self._engine.backend.workflow.journal(run)}
        if UNDO_MARKER not in entries:
            return error
        undone = {entry.name for entry in entries.values() if (entry.kind, entry.status) == ("undo", "done")}
        left = [
            {"step": entry.name, "code": "workflow.not_undone"}
            for entry in entries.values()
            if (entry.kind, entry.status) == ("step", "done") and f"undo {entry.name}" not in undone
        ]
        return encoding.encode({**encoding.decode(error), "undo_failures": left})

    def _close_span(self, crashed: Crashed, error: dict[str, Any]) -> None:
        """The execution has a span although its process could not record it (R13)."""
        engine = self._engine
        if not engine.settings.tracing.enabled:
            return
        engine.recorder.span(
            crashed.trace.trace_id,
            crashed.trace.span_id,
            parent_id=crashed.parent_id or None,
            name=crashed.step,
            kind="queue",
            started_at_ms=crashed.started_ms,
            duration_us=max(0, engine.clock.now_ms() - crashed.started_ms) * 1000,
            attempt=crashed.attempt,
            status="crashed",
            error={**error, "stack": ""},
            attributes={"message_id": crashed.message_id.hex(), "verdict": "crashed"},
        )
