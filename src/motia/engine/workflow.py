"""A workflow's side of the engine: durable calls of one execution, committed before they answer.

enter ─► recorded? ─┬─ done ───► its value
                    ├─ failed ─► its failure
                    └─ no ─────► do it ─► JournalPut (guarded by the claim) ─► its value
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from motia import encoding
from motia.core.batch import Enqueue, Operation, WaitFor
from motia.core.calls import EnqueueRequest
from motia.core.ids import format_id
from motia.core.invocation import Outcome, RetryLater, Succeeded
from motia.core.message import TraceContext
from motia.core.retry import RetryPolicy
from motia.core.workflow import (
    APPROVAL_TOPIC,
    NOTIFY_STEP,
    REPLY,
    RESULT_TOPIC,
    SIGNAL_TOPIC,
    STATUS_MARKER,
    JournalEntry,
    Suspend,
    mail_key,
    merged,
)
from motia.engine.compensation import Compensation
from motia.engine.enqueue import fan_out
from motia.engine.holding import held_or
from motia.engine.journal import SLEEP_IN_MEMORY_S, Journal
from motia.engine.replies import is_awaited
from motia.engine.results import if_kept
from motia.engine.waiting import Waits
from motia.errors import ApprovalExpiredError, BackendError, WorkflowError
from motia.workflow.approvals import ApprovalPlace

if TYPE_CHECKING:
    from motia.engine.execution import Execution

NO_RETRY = RetryPolicy(attempts=1)
_END_AGAIN_AFTER_S = 1.0


class Workflow:
    """The durable calls of one execution. All on the engine's loop.

    *Order*: what is written before something is durable before it. *Failure*: `ConflictError`
    `claim.superseded` once another attempt has begun; nothing of this one is kept then.
    """

    def __init__(self, execution: Execution) -> None:
        invocation = execution.invocation
        claim = invocation.claim
        if claim is None or claim.bundle:
            raise WorkflowError(
                f"{invocation.step.name}: expected a handler that one message of a queue drives,"
                f" got {'a batch' if claim else invocation.occurrence.kind}",
                code="workflow.not_durable",
                hint="enqueue a message and make the workflow the step that handles it",
                retryable=False,
            )
        self._execution = execution
        self._engine = execution.engine
        self._claim = claim
        self._journal = Journal(execution, claim)
        self._waits = Waits(self._journal, claim)
        self._compensation = Compensation(execution, self._journal)
        self._said = 0
        """Times this execution has said where the run stands."""
        self._at_end: list[Callable[[], None]] = []

    @property
    def run_id(self) -> str:
        """The run's id, the same over all attempts: that of its message."""
        return format_id(self._journal.run.message_id)

    @property
    def begun(self) -> bool:
        """Whether it has become a run: the first of its durable calls is on its way to storage."""
        return self._journal.begun

    @property
    def undoing(self) -> bool:
        """Whether it does nothing more but undo what it did."""
        return self._journal.replay.undoing is not None

    async def load(self) -> None:
        """Read what earlier executions of the run have done."""
        await self._journal.load()

    # Durable calls ----------------------------------------------------------------------------------

    async def step(
        self,
        name: str,
        work: Callable[[], Any],
        *,
        retry: RetryPolicy = NO_RETRY,
        timeout_s: float | None = None,
        undo: Callable[..., Any] | None = None,
        version: int = 1,
        key: str | None = None,
    ) -> Any:
        """What `work` returned, as JSON gives it back; it runs once over all attempts that get past it."""
        await self._journal.load()
        unique = self._journal.replay.enter(name, kind="step", version=version, key=key)
        try:
            value = await self._journal.memoized(unique, "step", work, retry, timeout_s, version)
        finally:
            self._journal.replay.leave(unique)
        if undo is not None:
            self._compensation.add(unique, undo, value)
        return value

    async def sleep_until(self, due_at_ms: int, name: str = "sleep") -> None:
        """Return at that time. A sleep of 2 s or more suspends the run; what was asked for first counts."""
        await self._journal.load()
        unique = self._journal.replay.enter(name, kind="sleep")
        try:
            entry = self._journal.replay.recorded(unique)
            if entry is None:
                if self.undoing and self._journal.replay.unmet():
                    # It came before what is recorded, so it was a short one, however long it would be now.
                    return
                self._journal.stop_if_undoing()
                left_s = (due_at_ms - self._journal.now_ms()) / 1000
                if left_s < SLEEP_IN_MEMORY_S:
                    await self._engine.clock.sleep(max(0.0, left_s))
                    return
                entry = self._journal.entry(unique, "sleep", "waiting", due_at_ms=due_at_ms)
                await self._journal.put(entry)
            if entry.due_at_ms is not None and entry.due_at_ms > self._journal.now_ms():
                self._journal.stop_if_undoing()
                raise Suspend(entry.due_at_ms)
        finally:
            self._journal.replay.leave(unique)

    async def wait_for(
        self,
        topic: str,
        match: Mapping[str, Any] | None = None,
        *,
        timeout_s: float | None = None,
        key: str | None = None,
    ) -> Any:
        """The payload of the first event of the topic whose fields equal `match`, also of one that came
        since the run's message was enqueued. Failure: `WorkflowError` `workflow.wait_timed_out`."""
        fields = sorted(match or {})
        wanted = mail_key(fields, _nested(match or {}))
        assert wanted is not None
        self._engine.note_waited(topic)
        return await self._waits.mail(f"wait {topic}", topic, fields, wanted, timeout_s, key=key)

    async def wait_for_signal(self, name: str, *, timeout_s: float | None = None) -> Any:
        """The data of a signal that was sent to this run. Failure: `workflow.wait_timed_out`."""
        topic = f"{SIGNAL_TOPIC}{name}"
        return await self._waits.mail(f"signal {name}", topic, None, self.run_id, timeout_s)

    async def approval(
        self,
        form: Mapping[str, Any],
        *,
        expires_s: float,
        notify: Callable[[str], Any] | None = None,
        key: str | None = None,
    ) -> Any:
        """What a person answered to `form`: `title`, `message`, and the JSON `schema` of the answer. `notify`
        is called once, with the link. Failure: `ApprovalExpiredError`."""

        async def tell(entry: JournalEntry) -> None:
            if notify is not None:
                place = ApprovalPlace(self._journal.run, entry.name, entry.due_at_ms or 0)
                url = self._engine.approvals.links.url(place)
                await self.step(NOTIFY_STEP, functools.partial(notify, url), key=key)

        entry = await self._waits.over(
            "approval",
            "approval",
            APPROVAL_TOPIC,
            None,
            None,
            expires_s,
            key=key,
            value=encoding.encode(form),
            then=tell,
        )
        if entry.status == "failed":
            raise ApprovalExpiredError(
                f"{entry.name}: expected an answer in time, got none",
                code="workflow.approval_expired",
                hint="catch ApprovalExpiredError, or give people longer with expires=",
                details={"expired_at_ms": entry.due_at_ms},
                retryable=False,
            )
        return encoding.decode(entry.value or b"null")

    async def set_custom_status(self, value: Any) -> None:
        """Keep what the run says of where it stands. One that runs again says nothing it has said before."""
        await self._journal.load()
        self._said += 1
        marker = self._journal.replay.recorded(STATUS_MARKER)
        before = 0 if marker is None else marker.attempts
        if self._said > before and self._journal.replay.undoing is None:
            text = self._journal.text(STATUS_MARKER, value)
            entry = self._journal.entry(STATUS_MARKER, "marker", "done", attempts=self._said, value=text)
            await self._journal.put(entry)

    async def call(self, step: str, data: Any, *, key: str | None = None) -> Any:
        """What another step returned, in any language: a message of its own, with its own retries.

        Failure: `WorkflowError` `workflow.call_failed` once that message is dead-lettered.
        """
        await self._journal.load()
        unique = self._journal.replay.enter(f"call {step}", kind="call", key=key)
        try:
            entry = self._journal.replay.recorded(unique)
            if entry is None:
                self._journal.stop_if_undoing()
                entry = await self._send_call(unique, step, data)
            if entry.status != "done":
                self._journal.stop_if_undoing()
                raise Suspend(None, (unique,))
        finally:
            self._journal.replay.leave(unique)
        answer = encoding.decode(entry.value or b"null")
        if "error" in answer:
            error = answer["error"]
            raise WorkflowError(
                f"call {step!r}: expected a result, got {error.get('type', 'an error')}:"
                f" {error.get('message', '')}",
                code="workflow.call_failed",
                details={"step": step, "error": error},
                retryable=False,
            )
        return answer.get("value")

    async def gather(self, *calls: Awaitable[Any]) -> list[Any]:
        """All results in order. The first failure counts once all have ended; a run suspends only when
        all that are left do nothing but wait. *Cancellation*: of all, and it waits for their end."""
        tasks = [asyncio.ensure_future(call) for call in calls]
        if not tasks:
            return []
        try:
            await asyncio.wait(tasks)
        except asyncio.CancelledError:
            # None goes on by itself: what the run has done is known once the handler has ended.
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            raise
        suspended: list[Suspend] = []
        failure: BaseException | None = None
        for task in tasks:
            error = task.exception()
            if isinstance(error, Suspend):
                suspended.append(error)
            elif error is not None:
                failure = failure or error
        if failure is not None:
            raise failure
        if suspended:
            raise merged(suspended)
        return [task.result() for task in tasks]

    # The parts --------------------------------------------------------------------------------------

    async def _send_call(self, unique: str, step: str, data: Any) -> JournalEntry:
        engine, trace = self._engine, self._execution.invocation.trace
        now_ms = self._journal.now_ms()
        found = fan_out(
            engine.registry,
            EnqueueRequest(data, step=step),
            engine.ids,
            TraceContext(trace.trace_id, trace.span_id, trace.hops + 1),
            now_ms=now_ms,
            max_bytes=engine.settings.limits.message_bytes,
        )
        if not found.messages:
            raise WorkflowError(
                f"call {found.unknown}", code="workflow.unknown_step", details={"step": step}, retryable=False
            )
        (message,) = found.messages
        message.attributes = encoding.encode({REPLY: True})
        wait = WaitFor(
            run=self._journal.run,
            queue=self._claim.queue,
            name=unique,
            topic=RESULT_TOPIC,
            fields=None,
            key=format_id(found.id),
            since_ms=now_ms,
            now_ms=now_ms,
        )
        entry = self._journal.entry(unique, "call", "waiting")
        await self._journal.put(entry, wait, Enqueue(message))
        engine.stored([message])
        return entry

    # The end ----------------------------------------------------------------------------------------

    async def conclude(self, outcome: Outcome, is_final: Callable[[Outcome], bool]) -> Outcome:
        """The outcome of the run, once what has to be undone is. One whose code changed is held."""
        try:
            outcome = await held_or(outcome, self._execution, self._journal)
            if isinstance(outcome, Succeeded):
                self._tell_open_waits()
            if self.begun or is_awaited(self._claim):
                limit_bytes = self._engine.settings.limits.message_bytes
                outcome = if_kept(outcome, self._claim.queue.step, limit_bytes)
            return await self._compensation.conclude(outcome, is_final)
        except BackendError as error:
            # Storage refused a part of the end: a later attempt comes by what is stored, and goes on there.
            return RetryLater(_END_AGAIN_AFTER_S, f"its end could not be stored: {error}", counts=False)

    def _tell_open_waits(self) -> None:
        """To catch a wait and to return is hardly meant; but it may be, so it is no failure."""
        waits = self._journal.replay.open_waits(self._journal.now_ms())
        if waits:
            self._execution.logger.warning(
                f"the handler returned while it waits at {', '.join(map(repr, waits))}: the run ends without;"
                " did an `except:`, an `except BaseException` or `return_exceptions=True` catch the wait?"
            )

    def at_end(self, call: Callable[[], None]) -> None:
        """Call it once nothing of this execution is done or undone any more."""
        self._at_end.append(call)

    def close(self) -> None:
        """Nothing of this execution is done or undone any more."""
        for call in self._at_end:
            call()

    def ending(self, verdict: str, outcome: Outcome) -> list[Operation]:
        """What is written together with the settlement that ends the run."""
        return self._journal.ending(verdict, outcome)


async def begun_before(execution: Execution) -> Workflow | None:
    """The workflow of an execution that ended before its first durable call, if earlier ones made a run."""
    workflow = Workflow(execution)
    await workflow.load()
    return workflow if workflow.begun else None


def _nested(match: Mapping[str, Any]) -> dict[str, Any]:
    """`{"order.id": 7}` as the payload it matches, `{"order": {"id": 7}}`."""
    nested: dict[str, Any] = {}
    for path, value in match.items():
        *parents, last = path.split(".")
        place = nested
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    return nested
