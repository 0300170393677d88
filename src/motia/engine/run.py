"""One execution of a claimed message, from its start until its end is stored.

    start ─► handler ─► decide ─► Settle ─┬─► stored: told, traced, over
                                          └─► storage refused: again, for as long as this node takes messages

The handler's task ends with the handler: what comes after it is callbacks, so that a message costs one task
and no switch back into it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from motia.core.batch import Batch, Completed, Died, Enqueue, Operation, Rescheduled, Settle, Unclaim
from motia.core.invocation import Expired, Failed, Invocation, Outcome, Succeeded
from motia.core.message import Claim, NewMessage, TraceContext
from motia.core.occurrence import Message, Occurrence, StateChange, StreamChange, Tick
from motia.core.registry import QueueEntry
from motia.core.retry import RetryPolicy
from motia.core.workflow import most_crashes
from motia.engine.batches import bundled, payload_of
from motia.engine.execution import Execution
from motia.engine.failures import failure_messages
from motia.engine.replies import is_awaited, reply_to_caller
from motia.engine.results import if_kept
from motia.engine.workflow import begun_before
from motia.errors import BackendError, ConflictError, HandlerError, InternalError
from motia.queue.transitions import Decision, decide

if TYPE_CHECKING:
    from motia.engine.engine import Engine

_RETRY_AFTER_S = 0.5
"""How soon storage that refused is asked again."""
_COMPLETED = Decision(Completed(), "completed")
_CANCELLED = Decision(Completed(), "cancelled")


@dataclass(frozen=True, slots=True)
class QueuePlan:
    """What every run of one queue needs of the registry and the settings, looked up once."""

    entry: QueueEntry
    timeout_s: float
    retry: RetryPolicy
    occurrence: Callable[[Claim], Occurrence]


def plan_of(entry: QueueEntry, handler_timeout_s: float) -> QueuePlan:
    policy = entry.policy
    return QueuePlan(entry, policy.timeout_s or handler_timeout_s, policy.retry, _occurrence_of(entry))


class Run:
    """A claimed message that is being executed. The consumer hears once that it ended: when all is stored and
    told."""

    __slots__ = (
        "_engine",
        "_notices",
        "_started_ms",
        "_task",
        "_trace",
        "claim",
        "claims",
        "execution",
        "plan",
        "settling",
    )

    def __init__(self, engine: Engine, claim: Claim, plan: QueuePlan | None) -> None:
        """`plan` is None where the step went with a reload after the message was claimed."""
        self._engine = engine
        self.plan = plan
        self._task: asyncio.Task[None] | None = None
        self._notices: list[NewMessage] | None = None
        self.claim = claim
        self.claims = bundled(claim)
        self.execution: Execution | None = None
        """None before the handler is called."""
        self.settling = False
        """The handler has ended, its message not yet."""

    @property
    def busy(self) -> bool:
        """Whether a drain has to wait for it: not for a handler that was given up."""
        return self.execution is None or not self.execution.given_up

    def start(self) -> None:
        engine, claim = self._engine, self.claim
        self._trace = TraceContext(claim.trace.trace_id, engine.ids.span_id(), claim.trace.hops)
        self._started_ms = engine.clock.now_ms()
        for one in self.claims:
            engine.liveness.started(one, self._trace, self._started_ms)
        self._task = engine.loop.create_task(self._execute() if self.plan else self._give_back())

    async def _give_back(self) -> None:
        try:
            await self._engine.backend.commit(Batch((Unclaim(self.claims),)))
        except Exception as error:
            self._engine.report(f"{self.claim.queue.step}: could not be given back: {error}", "error")
        finally:
            self._end()

    async def _execute(self) -> None:
        engine, claim, plan = self._engine, self.claim, self.plan
        assert plan is not None
        try:
            invocation = Invocation(
                plan.entry.step,
                plan.entry.trigger_index,
                plan.occurrence(claim),
                self._trace,
                claim.attempt,
                None,
                claim,
            )
            started_s = engine.clock.monotonic_s()
            execution = self.execution = Execution(engine, invocation, plan.timeout_s, started_s)
            execution.task = self._task
            max_hops = engine.settings.queue.max_hops
            if claim.trace.hops > max_hops:
                outcome: Outcome = Failed(_loop_detected(claim, max_hops), retryable=False)
            elif claim.expires_at_ms is not None and claim.expires_at_ms <= self._started_ms:
                outcome = Expired()
            else:
                outcome = await engine.run_guarded(execution)
                if not (execution.given_up or execution.settled):
                    if execution.workflow is None and claim.token > 1 and not claim.bundle:
                        execution.workflow = await begun_before(execution)
                    if execution.workflow is not None:
                        outcome = await execution.workflow.conclude(outcome, self._is_final)
                    elif is_awaited(claim):
                        limit_bytes = engine.settings.limits.message_bytes
                        outcome = if_kept(outcome, claim.queue.step, limit_bytes)
        except BaseException as error:
            self._cut(error)
            raise
        if execution.given_up:
            engine.report(
                f"{claim.queue.step}: a handler that was given up has ended; its result is not used"
            )
            self._end()
            return
        duration_s = engine.clock.monotonic_s() - started_s
        execution.ended = True
        if execution.settled:
            self._over(self._settled_apart(execution), outcome, duration_s)
            return
        try:
            decision = self.decide(outcome)
            settlement = self._settlement(decision, outcome)
        except BaseException as error:
            self._cut(error)
            raise
        self.settling = True
        engine.consumer.settling += 1
        engine.backend.commit(
            settlement,
            lambda _: self._over(decision, outcome, duration_s),
            lambda error: engine.background(self._store_again(error, decision, outcome, duration_s)),
        )

    def _cut(self, error: BaseException) -> None:
        """It ended without an outcome: what looks for lost claims gives the message back."""
        self._engine.report(f"{self.claim.queue.step}: its execution was cut: {error!r}", "error")
        self._end()

    def _settled_apart(self, execution: Execution) -> Decision:
        """What became of a message that was settled before its handler ended."""
        if execution.stop_reason != "cancelled":
            return _COMPLETED
        undone = execution.workflow is not None and execution.workflow.begun
        # A run that is cancelled is given to an execution of its own, which undoes it.
        return Decision(Rescheduled(None, self.claim.failures), "released") if undone else _CANCELLED

    def decide(self, outcome: Outcome) -> Decision:
        """What becomes of the message."""
        engine = self._engine
        if type(outcome) is Succeeded:
            return _COMPLETED
        retry = self.plan.retry if self.plan is not None else RetryPolicy()
        workflow = None if self.execution is None else self.execution.workflow
        undoing = workflow is not None and workflow.undoing
        return decide(
            outcome,
            self.claim,
            retry,
            now_ms=engine.clock.now_ms(),
            random_unit=engine.entropy.unit(),
            redact=engine.redactor.value,
            max_crashes=most_crashes(engine.settings.queue.max_crashes, undoing=undoing),
        )

    def _is_final(self, outcome: Outcome) -> bool:
        return isinstance(self.decide(outcome).settlement, Died)

    def _settlement(self, decision: Decision, outcome: Outcome) -> Batch:
        operations: list[Operation] = [Settle(one, decision.settlement) for one in self.claims]
        engine, execution, claim = self._engine, self.execution, self.claim
        if execution is not None and execution.workflow is not None:
            operations += execution.workflow.ending(decision.verdict, outcome)
        if claim.attributes:
            now_ms, mail_id = engine.clock.now_ms(), engine.ids.message_id()
            operations += reply_to_caller(claim, decision.verdict, outcome, now_ms=now_ms, mail_id=mail_id)
        if isinstance(decision.settlement, Died):
            if self._notices is None:
                # Made once: the commit may be tried again.
                death = decision.settlement
                self._notices = [told for one in self.claims for told in failure_messages(engine, one, death)]
            operations += [Enqueue(message) for message in self._notices]
        return Batch(operations)

    async def _store_again(
        self, error: BaseException, decision: Decision, outcome: Outcome, duration_s: float
    ) -> None:
        try:
            await self._store(decision, outcome, error)
        except InternalError as failure:
            await self._fail_instead(failure, duration_s)
        except Exception as failure:
            self._report_unstored(failure)
            self._end()
        else:
            self._over(decision, outcome, duration_s)

    async def _fail_instead(self, error: InternalError, duration_s: float) -> None:
        """An end that can never be stored fails the attempt: else the message would come back for ever,
        uncharged. Its run, if it has one, is ended only where that is not what cannot be stored."""
        self._report_unstored(error)
        outcome = Failed(error)
        decision = self.decide(outcome)
        settlement = self._settlement(decision, outcome)
        alone = [one for one in settlement.operations if isinstance(one, Settle | Enqueue)]
        try:
            try:
                await self._store(decision, outcome)
            except InternalError:
                await self._engine.backend.commit(Batch(alone))
        except Exception as failure:
            self._report_unstored(failure)
            self._end()
        else:
            self._over(decision, outcome, duration_s)

    async def _store(self, decision: Decision, outcome: Outcome, error: BaseException | None = None) -> None:
        """Commit the end of the attempt. Storage that refuses is asked again for as long as this node takes
        messages. Failure: `ConflictError` once another attempt has begun, `BackendError`."""
        engine = self._engine
        while True:
            if isinstance(error, ConflictError) and len(self.claims) > 1:
                await self._store_apart(decision)
                return
            if error is not None:
                # A conflict will not pass: the answer of a commit that was applied may have been lost.
                passes = isinstance(error, BackendError) and not isinstance(error, ConflictError)
                if not passes or not engine.consumer.taking:
                    raise error
                engine.report(f"{self.claim.queue.step}: its result could not be stored yet: {error}")
                await engine.clock.sleep(_RETRY_AFTER_S)
            try:
                await engine.backend.commit(self._settlement(decision, outcome))
                return
            except BackendError as failure:
                error = failure

    async def _store_apart(self, decision: Decision) -> None:
        """One of a bundle was taken away from it: that is not the others' affair."""
        for claim in self.claims:
            try:
                await self._engine.backend.commit(Batch((Settle(claim, decision.settlement),)))
            except ConflictError as conflict:
                self._engine.report(f"{claim.queue.step}: {conflict}")

    async def settle_for(self, decision: Decision, outcome: Outcome) -> None:
        """Store and tell how it ends while its handler, which was given up, still runs."""
        try:
            await self._store(decision, outcome)
        except Exception as failure:
            self._report_unstored(failure)
        else:
            self._tell(decision, outcome)

    def _report_unstored(self, failure: Exception) -> None:
        if isinstance(failure, ConflictError):
            self._engine.report(f"{self.claim.queue.step}: {failure}")
        else:
            step = self.claim.queue.step
            self._engine.report(f"{step}: its result could not be stored: {failure}", "error")

    def _over(self, decision: Decision, outcome: Outcome, duration_s: float) -> None:
        engine, execution = self._engine, self.execution
        assert execution is not None
        self._tell(decision, outcome)
        engine.telling.execution_ended(
            execution,
            outcome,
            self._started_ms,
            duration_s,
            parent=self.claim.trace.span_id,
            verdict=decision.verdict,
        )
        self._end()

    def _end(self) -> None:
        if self.execution is not None and self.execution.workflow is not None:
            self.execution.workflow.close()
        for one in self.claims:
            self._engine.liveness.ended(one)
        self._engine.consumer.ended(self)

    def _tell(self, decision: Decision, outcome: Outcome) -> None:
        engine = self._engine
        if engine.recorder.listened:
            for one in self.claims:
                engine.telling.settled(one, decision)
        if decision is _COMPLETED:
            return
        if self._notices:
            engine.stored(self._notices)
        if decision.verdict == "expired":
            engine.telling.expired((self.claim,))
        if decision.verdict in ("retried", "crashed", "dead"):
            engine.telling.failed(self.claim, outcome, decision)
        if decision.retry_in_s is not None:
            engine.due_sooner(decision.retry_in_s)


def _occurrence_of(entry: QueueEntry) -> Callable[[Claim], Occurrence]:
    topic = entry.name.topic
    if topic.startswith("$state"):
        return lambda claim: StateChange(payload=claim.payload)
    if topic.startswith("$stream"):
        return lambda claim: StreamChange(payload=claim.payload)
    if topic.startswith("$cron"):
        return lambda claim: Tick(scheduled_at_ms=claim.enqueued_at_ms, payload=claim.payload)
    if topic.startswith("$at"):
        return lambda claim: Tick(scheduled_at_ms=claim.enqueued_at_ms, payload=claim.payload, kind="at")
    in_batches = entry.policy.batch is not None

    def message(claim: Claim) -> Message:
        return Message(
            topic=topic,
            payload=payload_of(claim) if in_batches else claim.payload,
            message_id=claim.id,
            attempt=claim.attempt,
            attributes=claim.attributes,
        )

    return message


def _loop_detected(claim: Claim, limit: int) -> HandlerError:
    return HandlerError(
        f"{claim.queue.step}: expected a trace of at most {limit} enqueues in a row, got one that goes on;"
        " do steps enqueue to each other in a circle?",
        code="loop.detected",
        retryable=False,
    )
