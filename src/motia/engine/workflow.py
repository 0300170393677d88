"""A workflow's side of the engine: durable calls of one execution, committed before they answer.

enter ─► recorded? ─┬─ done ───► its value
                    ├─ failed ─► its failure
                    └─ no ─────► do it ─► JournalPut (guarded by the claim) ─► its value
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from motia import encoding
from motia.core.batch import Enqueue, JournalPut, Operation, RunBegin, RunEnd, WaitFor
from motia.core.calls import EnqueueRequest
from motia.core.ids import format_id
from motia.core.invocation import Cancelled, Failed, Outcome, Succeeded
from motia.core.message import TraceContext
from motia.core.retry import RetryPolicy
from motia.core.workflow import (
    RESULT_TOPIC,
    SIGNAL_TOPIC,
    Compensating,
    EntryKind,
    JournalEntry,
    RunId,
    Suspend,
    mail_key,
)
from motia.engine.enqueue import fan_out
from motia.engine.replies import REPLY, told
from motia.errors import MotiaError, WorkflowError
from motia.workflow.replay import UNDO_MARKER, Replay

if TYPE_CHECKING:
    from motia.engine.execution import Execution

_SLEEP_IN_MEMORY_S = 2.0
_UNDO_POLICY = RetryPolicy(attempts=3, delay_s=0.5, max_delay_s=2.0)
NO_RETRY = RetryPolicy(attempts=1)


@dataclass(frozen=True, slots=True)
class _Undo:
    name: str
    function: Callable[..., Any]
    result: Any
    context: contextvars.Context


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
        self.run = RunId(claim.id, claim.queue.step)
        self._replay = Replay()
        self._loading: asyncio.Future[None] | None = None
        self._begun = False
        self._undos: list[_Undo] = []

    @property
    def run_id(self) -> str:
        """The run's id, the same over all attempts: that of its message."""
        return format_id(self.run.message_id)

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
        await self._load()
        unique = self._replay.enter(name, kind="step", version=version, key=key)
        try:
            value = await self._memoized(unique, "step", work, retry, timeout_s, version)
        finally:
            self._replay.leave(unique)
        if undo is not None:
            self._undos.append(_Undo(unique, undo, value, contextvars.copy_context()))
        return value

    async def sleep_until(self, due_at_ms: int, name: str = "sleep") -> None:
        """Return at that time. A sleep of 2 s or more suspends the run; what was asked for first counts."""
        await self._load()
        unique = self._replay.enter(name, kind="sleep")
        try:
            entry = self._replay.recorded(unique)
            if entry is None:
                left_s = (due_at_ms - self._now_ms()) / 1000
                if left_s < _SLEEP_IN_MEMORY_S:
                    await self._engine.clock.sleep(max(0.0, left_s))
                    return
                self._stop_if_undoing()
                entry = self._entry(unique, "sleep", "waiting", due_at_ms=due_at_ms)
                await self._put(entry)
            if entry.due_at_ms is not None and entry.due_at_ms > self._now_ms():
                self._stop_if_undoing()
                raise Suspend(entry.due_at_ms)
        finally:
            self._replay.leave(unique)

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
        return await self._mail(f"wait {topic}", "wait", topic, fields, wanted, timeout_s, key=key)

    async def wait_for_signal(self, name: str, *, timeout_s: float | None = None) -> Any:
        """The data of a signal that was sent to this run. Failure: `workflow.wait_timed_out`."""
        topic = f"{SIGNAL_TOPIC}{name}"
        return await self._mail(f"signal {name}", "wait", topic, None, self.run_id, timeout_s)

    async def call(self, step: str, data: Any, *, key: str | None = None) -> Any:
        """What another step returned, in any language: a message of its own, with its own retries.

        Failure: `WorkflowError` `workflow.call_failed` once that message is dead-lettered.
        """
        await self._load()
        unique = self._replay.enter(f"call {step}", kind="call", key=key)
        try:
            entry = self._replay.recorded(unique)
            if entry is None:
                self._stop_if_undoing()
                entry = await self._send_call(unique, step, data)
            if entry.status != "done":
                self._stop_if_undoing()
                raise Suspend(None, (unique,))
        finally:
            self._replay.leave(unique)
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
        all that are left do nothing but wait."""
        tasks = [asyncio.ensure_future(call) for call in calls]
        if not tasks:
            return []
        await asyncio.wait(tasks)
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

    async def _memoized(
        self,
        unique: str,
        kind: EntryKind,
        work: Callable[[], Any],
        retry: RetryPolicy,
        timeout_s: float | None,
        version: int = 1,
    ) -> Any:
        entry = self._replay.recorded(unique)
        if entry is not None and entry.status == "done":
            return encoding.decode(entry.value or b"null")
        if entry is not None and entry.status == "failed":
            raise _failed(unique, encoding.decode(entry.error or b"{}"))
        if kind != "undo":
            self._stop_if_undoing()
        attempts = 0 if entry is None else entry.attempts
        if entry is not None and entry.due_at_ms is not None:
            await self._until(entry.due_at_ms)
        while True:
            attempts += 1
            try:
                async with asyncio.timeout(timeout_s):
                    value = await _called(work)
                text = self._text(unique, value)
            except Exception as error:
                if retry.attempts == 1 and kind == "step":
                    raise  # its retries are those of the message: nothing of it is kept
                wait_s = retry.wait_s(attempts, self._engine.entropy.unit())
                text = encoding.encode(told(error))
                if attempts >= retry.attempts or getattr(error, "retryable", True) is False:
                    entry = self._entry(
                        unique, kind, "failed", version=version, attempts=attempts, error=text
                    )
                    await self._put(entry)
                    raise _failed(unique, told(error)) from error
                due_at_ms = self._now_ms() + round(wait_s * 1000)
                await self._put(
                    self._entry(
                        unique,
                        kind,
                        "retrying",
                        version=version,
                        attempts=attempts,
                        error=text,
                        due_at_ms=due_at_ms,
                    )
                )
                self._execution.logger.warning(
                    f"{unique}: attempt {attempts} of {retry.attempts} failed: {error}"
                )
                await self._until(due_at_ms)
            else:
                entry = self._entry(unique, kind, "done", version=version, attempts=attempts, value=text)
                await self._put(entry)
                return encoding.decode(text)

    async def _mail(
        self,
        name: str,
        kind: EntryKind,
        topic: str,
        fields: Sequence[str] | None,
        wanted: str,
        timeout_s: float | None,
        *,
        key: str | None = None,
    ) -> Any:
        await self._load()
        unique = self._replay.enter(name, kind=kind, key=key)
        try:
            entry = self._replay.recorded(unique)
            if entry is None:
                self._stop_if_undoing()
                now_ms = self._now_ms()
                due_at_ms = None if timeout_s is None else now_ms + round(timeout_s * 1000)
                entry = self._entry(unique, kind, "waiting", due_at_ms=due_at_ms)
                wait = WaitFor(
                    run=self.run,
                    queue=self._claim.queue,
                    name=unique,
                    topic=topic,
                    fields=fields,
                    key=wanted,
                    since_ms=self._claim.enqueued_at_ms,
                    now_ms=now_ms,
                )
                there = (await self._put(entry, wait))[-1]
                if there:
                    entry = await self._reread(unique)
            if entry.status == "waiting":
                self._stop_if_undoing()
                if entry.due_at_ms is None or entry.due_at_ms > self._now_ms():
                    raise Suspend(entry.due_at_ms, (unique,))
                entry = replace(entry, status="failed", error=b'{"code":"workflow.wait_timed_out"}')
                await self._put(entry)
            if entry.status == "failed":
                raise WorkflowError(
                    f"{name}: expected mail in time, got none",
                    code="workflow.wait_timed_out",
                    hint="catch WorkflowError and look at its code, or wait longer",
                    details={"topic": topic},
                    retryable=False,
                )
        finally:
            self._replay.leave(unique)
        return encoding.decode(entry.value or b"null")

    async def _send_call(self, unique: str, step: str, data: Any) -> JournalEntry:
        engine, trace = self._engine, self._execution.invocation.trace
        now_ms = self._now_ms()
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
                found.unknown, code="workflow.unknown_step", details={"step": step}, retryable=False
            )
        (message,) = found.messages
        message.attributes = encoding.encode({REPLY: True})
        wait = WaitFor(
            run=self.run,
            queue=self._claim.queue,
            name=unique,
            topic=RESULT_TOPIC,
            fields=None,
            key=format_id(found.id),
            since_ms=now_ms,
            now_ms=now_ms,
        )
        entry = self._entry(unique, "call", "waiting")
        await self._put(entry, wait, Enqueue(message))
        engine.stored([message])
        return entry

    def _stop_if_undoing(self) -> None:
        """A run that is undone does nothing new; it only comes by what it did, to say how it is undone."""
        if self._replay.undoing is not None:
            raise Compensating

    async def _until(self, due_at_ms: int) -> None:
        left_s = (due_at_ms - self._now_ms()) / 1000
        if left_s >= _SLEEP_IN_MEMORY_S:
            raise Suspend(due_at_ms)
        if left_s > 0:
            await self._engine.clock.sleep(left_s)

    async def _load(self) -> None:
        """Read the journal, once. A message that is held for the first time has none."""
        if self._claim.token == 1:
            return
        if self._loading is None:
            self._loading = asyncio.ensure_future(self._read())
        await asyncio.shield(self._loading)

    async def _read(self) -> None:
        entries = await self._engine.backend.workflow.journal(self.run)
        self._begun = bool(entries)
        self._replay = Replay(entries)

    async def _reread(self, unique: str) -> JournalEntry:
        entries = await self._engine.backend.workflow.journal(self.run)
        entry = next(entry for entry in entries if entry.name == unique)
        self._replay.note(entry)
        return entry

    def _entry(self, name: str, kind: EntryKind, status: Any, **fields: Any) -> JournalEntry:
        return JournalEntry(name=name, kind=kind, status=status, at_ms=self._now_ms(), **fields)

    async def _put(self, entry: JournalEntry, *operations: Operation) -> list[Any]:
        begin: list[Operation] = []
        if not self._begun:
            self._begun = True
            begin.append(
                RunBegin(
                    run=self.run,
                    topic=self._claim.queue.topic,
                    started_at_ms=self._now_ms(),
                    trace=self._claim.trace,
                    input=self._claim.payload,
                )
            )
        put = self._execution.commit([*begin, JournalPut(self.run, entry), *operations])
        results: list[Any] = await put
        self._replay.note(entry)
        return results

    def _text(self, unique: str, value: Any) -> bytes:
        text = encoding.encode(value)
        limit_bytes = self._engine.settings.limits.message_bytes
        if len(text) > limit_bytes:
            raise WorkflowError(
                f"workflow step {unique!r}: expected a result of at most {limit_bytes} bytes,"
                f" got {len(text)}",
                code="workflow.result_too_large",
                hint="store it in state or in a file, and return its key",
                retryable=False,
            )
        return text

    def _now_ms(self) -> int:
        return self._engine.clock.now_ms()

    # The end ----------------------------------------------------------------------------------------

    async def conclude(self, outcome: Outcome, is_final: Callable[[Outcome], bool]) -> Outcome:
        """The outcome of the run, once what has to be undone is.

        Undone is what succeeded, the last first, where the message dies of the failure or is cancelled.
        """
        if isinstance(outcome, Succeeded):
            try:
                self._replay.check_all_met()
            except WorkflowError as error:
                return Failed(error, retryable=False)
            return outcome
        undoing = self._replay.undoing
        if undoing is not None:
            outcome = Failed(_of_marker(undoing), retryable=False)
        elif not isinstance(outcome, Cancelled) and not is_final(outcome):
            return outcome
        if not self._undos:
            return outcome
        if undoing is None:
            cause = told(outcome.error) if isinstance(outcome, Failed) else {"code": "workflow.cancelled"}
            await self._put(self._entry(UNDO_MARKER, "marker", "done", error=encoding.encode(cause)))
        failures = [failure for undo in reversed(self._undos) if (failure := await self._undo(undo))]
        if failures and isinstance(outcome, Failed):
            details = {**outcome.error.details, "undo_failures": failures}
            outcome.error.details = details
        return outcome

    async def _undo(self, undo: _Undo) -> dict[str, Any] | None:
        """Undo one step; how that failed, after its own attempts, if it did. The others go on."""

        def work() -> Any:
            takes = len(inspect.signature(undo.function).parameters)
            return undo.function(undo.result) if takes else undo.function()

        async def run() -> None:
            await self._memoized(f"undo {undo.name}", "undo", work, _UNDO_POLICY, None)

        try:
            await asyncio.get_running_loop().create_task(run(), context=undo.context)
        except Exception as error:
            self._execution.logger.error(f"undo of {undo.name!r} failed: {error}")
            return {"step": undo.name, **told(error)}
        return None

    def ending(self, verdict: str, outcome: Outcome) -> list[Operation]:
        """What is written together with the settlement that ends the run."""
        status: Any = {"completed": "completed", "dead": "failed", "cancelled": "cancelled"}.get(verdict)
        if status is None or not self._begun:
            return []
        output = encoding.encode(outcome.value) if isinstance(outcome, Succeeded) else None
        error = encoding.encode(told(outcome.error)) if isinstance(outcome, Failed) else None
        return [RunEnd(run=self.run, status=status, at_ms=self._now_ms(), output=output, error=error)]


def merged(suspended: Sequence[Suspend]) -> Suspend:
    """One suspension for several: it ends with the first of them."""
    due = [suspend.due_at_ms for suspend in suspended if suspend.due_at_ms is not None]
    return Suspend(min(due, default=None), [name for suspend in suspended for name in suspend.waits])


async def _called(work: Callable[[], Any]) -> Any:
    """What `work` gives. A plain function may block: it runs in a thread, with this context."""
    if inspect.iscoroutinefunction(work):
        return await work()
    value = await asyncio.to_thread(work)
    return await value if inspect.isawaitable(value) else value


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


def _failed(unique: str, error: Mapping[str, Any]) -> WorkflowError:
    what = f"{error.get('type', 'Exception')}: {error.get('message', '')}"
    return WorkflowError(
        f"workflow step {unique!r} failed for good: {what}",
        code="workflow.step_failed",
        details={"step": unique, "error": dict(error)},
        retryable=False,
    )


def _of_marker(marker: JournalEntry) -> MotiaError:
    error = encoding.decode(marker.error or b"{}")
    return WorkflowError(
        str(error.get("message", "the run was cancelled")),
        code=str(error.get("code", "workflow.cancelled")),
        retryable=False,
    )
