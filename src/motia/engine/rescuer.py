"""Finds nodes that died and gives their messages back."""

from __future__ import annotations

from typing import Any

from motia import encoding
from motia.backends.liveness import Crashed
from motia.core.batch import Batch, Died, Enqueue, Operation, RecoverNode, RunEnd, Settle
from motia.core.ids import format_id
from motia.core.message import Claim, NewMessage
from motia.core.wording import counted
from motia.core.workflow import UNDO_MARKER, RunId
from motia.engine.failures import failure_messages
from motia.engine.periodic import Periodic
from motia.engine.replies import reply
from motia.errors import ConflictError


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
            count, buried = await self._recover(operation)
            engine.liveness.forget(lock_path)
            if count:
                ran = "an unknown number" if running is None else str(len(running))
                engine.report(
                    f"the node with pid {pid} died: {counted(count, 'message')} taken back from it,"
                    f" {ran} of which had been running"
                )
            for claim in buried:
                engine.telling.buried(claim, str(error["message"]))
            if crashed:
                dead_ones = {(claim.id, claim.queue.step) for claim in buried}
                for one in crashed:
                    died = (one.message_id, one.step) in dead_ones
                    self._close_span(one, error, "dead" if died else "crashed")
                # Written before the messages run again: one may take this process down, too.
                await engine.flush_traces()
            engine.recorder.event("node.recovered", node=node.hex(), messages=count)
            if count:
                engine.consumer.wake()

    async def _recover(self, operation: RecoverNode) -> tuple[int, list[Claim]]:
        """Give back what the node held; says how many went back, and which of them died of it. Who hears of
        those hears it by the same commit, so they are settled here; `RecoverNode` says why a store can bury
        them, too."""
        engine = self._engine
        while True:
            settlements: list[Operation] = []
            messages: list[NewMessage] = []
            buried: list[Claim] = []
            ends: list[Operation] = []
            for claim in await engine.backend.queue.claims_of(operation.node, payloads=True):
                error = await self._death_of(operation, claim)
                if error is None:
                    continue
                now_ms = operation.now_ms
                death = Died("worker.crashed", operation.error, claim.failures, now_ms, crashed=True)
                settlements.append(Settle(claim, death))
                buried.append(claim)
                messages += failure_messages(engine, claim, death)
                answer = {"error": encoding.decode(operation.error)}
                ends += reply(claim, answer, now_ms=now_ms, mail_id=engine.ids.message_id())
                run = RunId(claim.id, claim.queue.step)
                ends.append(RunEnd(run=run, status="failed", at_ms=now_ms, error=error))
            notices = [Enqueue(message) for message in messages]
            try:
                results = await engine.backend.commit(Batch((*settlements, *notices, *ends, operation)))
            except ConflictError:
                # Another node was faster, or somebody cancelled one of them: look again.
                continue
            engine.stored(messages)
            returned: int = results[-1]
            return returned + len(settlements), buried

    async def _death_of(self, operation: RecoverNode, claim: Claim) -> bytes | None:
        """The error of the run that dies with its message, with what its undo, which died too, has left as it
        is; None for a message that goes back."""
        ran = operation.running is None or (claim.seq, claim.id) in operation.running
        if not ran or not operation.buries(claim.crashes, suspect=claim.suspect):
            return None
        run = RunId(claim.id, claim.queue.step)
        entries = await self._engine.backend.workflow.journal(run)
        done = [entry for entry in entries if (entry.kind, entry.status) == ("step", "done")]
        undoing = any(entry.name == UNDO_MARKER for entry in entries)
        if not operation.buries(claim.crashes, suspect=claim.suspect, undoing=undoing or bool(done)):
            return None
        if not undoing:
            return operation.error
        undone = {entry.name for entry in entries if (entry.kind, entry.status) == ("undo", "done")}
        left = [
            {"step": entry.name, "code": "workflow.not_undone"}
            for entry in done
            if f"undo {entry.name}" not in undone
        ]
        return encoding.encode({**encoding.decode(operation.error), "undo_failures": left})

    def _close_span(self, crashed: Crashed, error: dict[str, Any], verdict: str) -> None:
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
            attributes={"message_id": crashed.message_id.hex(), "verdict": verdict},
        )
