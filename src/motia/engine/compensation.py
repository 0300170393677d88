"""Compensation: what a run did is undone, the last first, once the run dies of a failure or is cancelled."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from motia import encoding
from motia.core.invocation import Cancelled, Crashed, Failed, Outcome, Released, RetryLater, Succeeded
from motia.core.retry import RetryPolicy
from motia.core.workflow import JournalEntry, RuntimeGone
from motia.engine.journal import Journal
from motia.engine.replies import told
from motia.errors import MotiaError, WorkerError, WorkflowError
from motia.workflow.replay import UNDO_MARKER

if TYPE_CHECKING:
    from motia.engine.execution import Execution

_UNDO_POLICY = RetryPolicy(attempts=3, delay_s=0.5, max_delay_s=2.0)


@dataclass(frozen=True, slots=True)
class _Undo:
    name: str
    function: Callable[..., Any]
    result: Any
    context: contextvars.Context


class Compensation:
    """How the steps that succeeded are undone."""

    def __init__(self, execution: Execution, journal: Journal) -> None:
        self._execution = execution
        self._journal = journal
        self._undos: list[_Undo] = []

    def add(self, name: str, function: Callable[..., Any], result: Any) -> None:
        """A step has succeeded that says how it is undone; it is undone in the context of this call."""
        self._undos.append(_Undo(name, function, result, contextvars.copy_context()))

    async def conclude(self, outcome: Outcome, is_final: Callable[[Outcome], bool]) -> Outcome:
        """The outcome of the run, once what has to be undone is.

        Undone is what succeeded, the last first, where the message dies of the failure or is cancelled.
        """
        if isinstance(outcome, Succeeded) or (isinstance(outcome, RetryLater) and not outcome.counts):
            return outcome
        undoing = self._journal.replay.undoing
        if isinstance(outcome, Crashed | Released):
            return await self._after_crash(outcome, is_final)
        if undoing is not None:
            outcome = Failed(_of_marker(undoing), retryable=False)
        elif not isinstance(outcome, Cancelled) and not is_final(outcome):
            return outcome
        if not self._undos:
            return outcome
        if undoing is None:
            await self._mark(outcome)
        try:
            failures = [failure for undo in reversed(self._undos) if (failure := await self._undo(undo))]
        except RuntimeGone as gone:
            return Crashed(WorkerError(f"the worker died while it undid: {gone}", code="worker.crashed"))
        if failures and isinstance(outcome, Failed):
            details = {**outcome.error.details, "undo_failures": failures}
            outcome.error.details = details
        return outcome

    async def _after_crash(self, outcome: Crashed | Released, is_final: Callable[[Outcome], bool]) -> Outcome:
        """What undoes the steps went with the process. One more attempt, which does nothing new, brings it
        back where the run would die now."""
        marked = self._journal.replay.undoing is not None
        if marked or not self._undos or not is_final(outcome):
            return outcome
        await self._mark(outcome)
        return RetryLater(0.0, "to undo what was done", counts=False)

    async def _mark(self, outcome: Outcome) -> None:
        """From now on the run is being undone, in every attempt to come."""
        cause = told(outcome.error) if isinstance(outcome, Failed) else {"code": "workflow.cancelled"}
        marker = self._journal.entry(UNDO_MARKER, "marker", "done", error=encoding.encode(cause))
        await self._journal.put(marker)

    async def _undo(self, undo: _Undo) -> dict[str, Any] | None:
        """Undo one step; how that failed, after its own attempts, if it did. The others go on."""

        def work() -> Any:
            takes = len(inspect.signature(undo.function).parameters)
            return undo.function(undo.result) if takes else undo.function()

        async def run() -> None:
            await self._journal.memoized(f"undo {undo.name}", "undo", work, _UNDO_POLICY, None)

        try:
            await asyncio.get_running_loop().create_task(run(), context=undo.context)
        except Exception as error:
            self._execution.logger.error(f"undo of {undo.name!r} failed: {error}")
            return {"step": undo.name, **told(error)}
        return None


def _of_marker(marker: JournalEntry) -> MotiaError:
    error = encoding.decode(marker.error or b"{}")
    return WorkflowError(
        str(error.get("message", "the run was cancelled")),
        code=str(error.get("code", "workflow.cancelled")),
        retryable=False,
    )
