"""Messages whose step is gone: told while they wait, dead-lettered when they have waited long enough."""

from __future__ import annotations

from motia import encoding
from motia.core.batch import Batch, ClaimReady, Died, Operation, RunEnd, Settle, Unclaim, WantedQueue
from motia.core.message import Claim, QueueDepth, QueueName
from motia.core.wording import counted
from motia.core.workflow import RunId
from motia.engine.periodic import Periodic
from motia.engine.replies import reply
from motia.queue.transitions import Decision

_BATCH = 100
_DAY_MS = 86_400_000


class Orphans(Periodic):
    """Looks every hour for queues of steps that this project does not define.

    A queue loses its old messages only if the last look found it without a step too: a file that is broken
    for a moment, and the other version of a deploy, cost nothing.
    """

    task = "looking for messages of removed steps"
    every_s = 3600.0
    _before: frozenset[QueueName] = frozenset()

    async def look(self) -> None:
        engine = self._engine
        found = [
            depth
            for depth in await engine.backend.queue.depths()
            if depth.queue not in engine.registry.queues and _waiting(depth)
        ]
        for depth in found:
            engine.recorder.event(
                "message.orphaned",
                topic=depth.queue.topic,
                step=depth.queue.step,
                messages=_waiting(depth),
            )
            if depth.queue not in self._before:
                engine.report(
                    f"{depth.queue.step}: no such step any more; waiting for it:"
                    f" {counted(_waiting(depth), 'message')}"
                )
            elif depth.ready:
                await self._bury(depth.queue)
        self._before = frozenset(depth.queue for depth in found)

    async def _bury(self, queue: QueueName) -> None:
        engine = self._engine
        kept_ms = round(engine.settings.queue.orphan_days * _DAY_MS)
        buried = 0
        more = True
        while more and not self._stopped:
            now_ms = engine.clock.now_ms()
            claim = ClaimReady(
                node=engine.node_id,
                wanted=[WantedQueue(queue, _BATCH)],
                max_bytes=engine.settings.queue.claim_ahead_bytes,
                now_ms=now_ms,
            )
            claims: list[Claim]
            (claims,) = await engine.backend.commit(Batch((claim,)))
            old = [one for one in claims if one.enqueued_at_ms <= now_ms - kept_ms]
            young = [one for one in claims if one.enqueued_at_ms > now_ms - kept_ms]
            decisions = [_removed(one, now_ms) for one in old]
            settlements = [
                Settle(one, decision.settlement) for one, decision in zip(old, decisions, strict=True)
            ]
            ends = [end for one in old for end in self._ends(one, now_ms)]
            await engine.backend.commit(Batch([*settlements, *ends, *([Unclaim(young)] if young else [])]))
            for one, decision in zip(old, decisions, strict=True):
                engine.telling.settled(one, decision)
            buried += len(old)
            more = bool(old) and not young
        if buried:
            engine.report(f"{queue.step}: this step was removed; dead-lettered: {counted(buried, 'message')}")

    def _ends(self, claim: Claim, now_ms: int) -> list[Operation]:
        """Its run, if it was one, is over, and who waits for its answer is told."""
        error = _error(claim, now_ms)
        run = RunId(claim.id, claim.queue.step)
        end = RunEnd(run=run, status="failed", at_ms=now_ms, error=encoding.encode(error))
        mail_id = self._engine.ids.message_id()
        return [end, *reply(claim, {"error": error}, now_ms=now_ms, mail_id=mail_id)]


def _waiting(depth: QueueDepth) -> int:
    return depth.ready + depth.scheduled + depth.blocked + depth.limited


def _error(claim: Claim, now_ms: int) -> dict[str, object]:
    return {
        "code": "step.removed",
        "type": "StepRemoved",
        "message": f"{claim.queue.step}: expected a step of this project, got the name of one that is gone",
        "hint": "bring the step or its old name back and redrive the message, or purge it",
        "at": now_ms,
    }


def _removed(claim: Claim, now_ms: int) -> Decision:
    error = encoding.encode(_error(claim, now_ms))
    return Decision(Died("step.removed", error, claim.failures, now_ms), "dead")
