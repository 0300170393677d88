"""The journal of one execution: read once, walked through, and written before a durable call answers."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from motia import encoding
from motia.core.batch import GiveUpWait, JournalPut, Operation, RunBegin, RunEnd
from motia.core.ids import format_id
from motia.core.invocation import Cancelled, Failed, Outcome, Succeeded
from motia.core.message import Claim
from motia.core.retry import RetryPolicy
from motia.core.workflow import Compensating, EntryKind, JournalEntry, RunId, Suspend
from motia.engine.outcomes import error_of
from motia.engine.replies import headline_of, told
from motia.engine.results import text_of
from motia.errors import ConflictError, WorkflowError
from motia.workflow.replay import UNORDERED_MARKER, Replay

if TYPE_CHECKING:
    from motia.engine.execution import Execution

SLEEP_IN_MEMORY_S = 2.0


class Journal:
    """What the run of one execution knows and learns. All on the engine's loop."""

    def __init__(self, execution: Execution, claim: Claim) -> None:
        self.run = RunId(claim.id, claim.queue.step)
        self.replay = Replay(format_id(self.run.message_id))
        self._execution = execution
        self._engine = execution.engine
        self._claim = claim
        self._loading: asyncio.Future[None] | None = None
        self.begun = self._begin_stored = False
        """It has become a run."""
        self.turned_back = False
        """A handler that runs to be undone has come to the first thing that was not done."""
        self.unsure = False
        """Something was written whose answer did not come: only storage can say whether it is there."""
        self.undo_failures: list[dict[str, Any]] = []

    async def load(self) -> None:
        """Read the journal, once. A message that is held for the first time has none."""
        if self._claim.token == 1:
            return
        if self._loading is None:
            self._loading = asyncio.ensure_future(self._read())
        await asyncio.shield(self._loading)

    async def _read(self) -> None:
        entries = await self._engine.backend.workflow.journal(self.run)
        self.begun = self._begin_stored = bool(entries)
        self.replay = Replay(format_id(self.run.message_id), entries)

    async def reread(self, unique: str) -> JournalEntry:
        """An entry that somebody else may have written in the meantime."""
        entries = await self._engine.backend.workflow.journal(self.run)
        entry = next(entry for entry in entries if entry.name == unique)
        self.replay.note(entry)
        return entry

    def entry(self, name: str, kind: EntryKind, status: Any, **fields: Any) -> JournalEntry:
        return JournalEntry(name=name, kind=kind, status=status, at_ms=self.now_ms(), **fields)

    async def put(self, entry: JournalEntry, *operations: Operation) -> list[Any]:
        """The results of what was written: the entry, then `operations`, guarded by the claim."""
        begin: list[Operation] = []
        if not self._begin_stored:
            # Part of every batch until one is stored: the first may be refused while the second is not.
            self.begun = True
            begin.append(
                RunBegin(
                    run=self.run,
                    topic=self._claim.queue.topic,
                    started_at_ms=self.now_ms(),
                    trace=self._claim.trace,
                    input=self._claim.payload,
                    expires=self._claim.expires_at_ms is not None,
                )
            )
        marker = None
        if self.replay.unordered and self.replay.recorded(UNORDERED_MARKER) is None:
            marker = self.entry(UNORDERED_MARKER, "marker", "done")
            begin.append(JournalPut(self.run, marker))
        put = self._execution.commit([*begin, JournalPut(self.run, entry), *operations])
        try:
            results: list[Any] = await put
        except ConflictError:
            raise
        except BaseException:
            self.unsure = True
            raise
        self._begin_stored = True
        if marker is not None:
            self.replay.note(marker)
        self.replay.note(entry)
        return results

    async def give_up(self, entry: JournalEntry) -> JournalEntry:
        """The entry of a wait that failed: `entry`, or the mail that came before that could be written."""
        (given_up,) = await self._execution.commit([GiveUpWait(self.run, entry)])
        if not given_up:
            return await self.reread(entry.name)
        self.replay.note(entry)
        return entry

    async def memoized(
        self,
        unique: str,
        kind: EntryKind,
        work: Callable[[], Any],
        retry: RetryPolicy,
        timeout_s: float | None,
        version: int = 1,
    ) -> Any:
        """What `work` returned, or raise how it failed for good: as recorded, or done now and recorded."""
        entry = self.replay.recorded(unique)
        if entry is not None and entry.status == "done":
            return encoding.decode(entry.value or b"null")
        if entry is not None and entry.status == "failed":
            raise _failed(unique, encoding.decode(entry.error or b"{}"))
        if kind != "undo":
            self.stop_if_undoing()
        attempts = 0 if entry is None else entry.attempts
        if entry is not None and entry.due_at_ms is not None:
            await self.until(entry.due_at_ms)
        while True:
            attempts += 1
            try:
                with self._noted(kind, unique, work):
                    value = await _called(work, timeout_s, self._engine.threads)
                text = self.text(unique, value)
            except Exception as error:
                if retry.attempts == 1 and kind == "step":
                    raise  # its retries are those of the message: nothing of it is kept
                wait_s = retry.wait_s(attempts, self._engine.entropy.unit())
                wait_s = max(wait_s, getattr(error, "retry_after_s", None) or 0.0)
                failure = self._engine.redactor.value(told(error))
                text = encoding.encode(failure)
                if attempts >= retry.attempts or getattr(error, "retryable", True) is False:
                    entry = self.entry(unique, kind, "failed", version=version, attempts=attempts, error=text)
                    await self.put(entry)
                    raise _failed(unique, failure) from error
                due_at_ms = self.now_ms() + round(wait_s * 1000)
                await self.put(
                    self.entry(
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
                    f"{unique}: attempt {attempts} of {retry.attempts} failed: {headline_of(failure)}"
                )
                await self.until(due_at_ms)
            else:
                entry = self.entry(unique, kind, "done", version=version, attempts=attempts, value=text)
                await self.put(entry)
                return encoding.decode(text)

    def _noted(self, kind: EntryKind, unique: str, work: Callable[[], Any]) -> AbstractContextManager[None]:
        notes = self._execution.notes
        return nullcontext() if notes is None else notes.doing(kind, unique, work)

    def stop_if_undoing(self) -> None:
        """A run that is undone does nothing new; it only comes by what it did, to say how it is undone."""
        if self.replay.undoing is not None:
            self.turned_back = True
            raise Compensating

    async def until(self, due_at_ms: int) -> None:
        """Wait for that time: here if it is near, else suspended."""
        left_s = (due_at_ms - self.now_ms()) / 1000
        if left_s >= SLEEP_IN_MEMORY_S:
            raise Suspend(due_at_ms)
        if left_s > 0:
            await self._engine.clock.sleep(left_s)

    def now_ms(self) -> int:
        return self._engine.clock.now_ms()

    def ending(self, verdict: str, outcome: Outcome) -> list[Operation]:
        """What is written together with the settlement that ends the run."""
        status: Any = {"completed": "completed", "dead": "failed", "cancelled": "cancelled"}.get(verdict)
        if status is None or not self.begun:
            return []
        output = encoding.encode(outcome.value) if isinstance(outcome, Succeeded) else None
        cause = None if isinstance(outcome, Succeeded) else cause_of(outcome)
        if cause is not None and self.undo_failures:
            cause["undo_failures"] = self.undo_failures
        error = None if cause is None else encoding.encode(self._engine.redactor.value(cause))
        return [RunEnd(run=self.run, status=status, at_ms=self.now_ms(), output=output, error=error)]

    def text(self, unique: str, value: Any) -> bytes:
        """A result as it is kept. Failure: `WorkflowError` `workflow.result_too_large`, `EncodingError`."""
        return text_of(value, f"workflow step {unique!r}", self._engine.settings.limits.message_bytes)


def cause_of(outcome: Outcome) -> dict[str, Any]:
    """Why a run does not end well, as JSON."""
    if isinstance(outcome, Failed):
        return told(outcome.error)
    if isinstance(outcome, Cancelled):
        return {"code": "workflow.cancelled", "message": outcome.reason or "the run was cancelled"}
    error = error_of(outcome)
    return {"code": error["code"], "type": error["type"], "message": error["message"]}


async def _called(work: Callable[[], Any], timeout_s: float | None, threads: Executor) -> Any:
    """What `work` gives. A plain function may block: it runs in a thread, with this context."""
    if timeout_s is not None:
        try:
            async with asyncio.timeout(timeout_s) as limit:
                return await _called(work, None, threads)
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise TimeoutError(f"it did not end within {timeout_s:g} s") from error
    code = getattr(work, "__code__", None)
    if (code is not None and code.co_flags & inspect.CO_COROUTINE) or inspect.iscoroutinefunction(work):
        return await work()
    context = contextvars.copy_context()
    value = await asyncio.get_running_loop().run_in_executor(threads, context.run, _plainly_called, work)
    return await value if inspect.isawaitable(value) else value


def _plainly_called(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except StopIteration as error:
        # A future cannot hold it.
        raise RuntimeError("the function raised StopIteration") from error


def _failed(unique: str, error: Mapping[str, Any]) -> WorkflowError:
    return WorkflowError(
        f"workflow step {unique!r} failed for good: {headline_of(error)}",
        code="workflow.step_failed",
        details={"step": unique, "error": dict(error)},
        retryable=False,
    )
