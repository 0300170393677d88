"""Compensation: what a run did is undone, the last first, once the run dies of a failure or is cancelled."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from motia import encoding
from motia.core.invocation import (
    Cancelled,
    Crashed,
    Failed,
    Outcome,
    Released,
    RetryLater,
    Succeeded,
    Suspended,
)
from motia.core.retry import RetryPolicy
from motia.core.workflow import CANCELLED, UNDO_MARKER, JournalEntry, RuntimeGone, Suspend
from motia.engine.journal import Journal, cause_of
from motia.engine.replies import headline_of, told
from motia.errors import BackendError, WorkerError, WorkflowError

if TYPE_CHECKING:
    from motia.engine.execution import Execution

_ONCE_MORE_S = 1.0
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
        # That of the handler: a cancellation shortens what the execution says.
        self._timeout_s = execution.timeout_s

    def add(self, name: str, function: Callable[..., Any], result: Any) -> None:
        """A step has succeeded that says how it is undone; it is undone in the context of this call."""
        self._undos.append(_Undo(name, function, result, contextvars.copy_context()))

    async def conclude(self, outcome: Outcome, is_final: Callable[[Outcome], bool]) -> Outcome:
        """The outcome of the run, once what has to be undone is.

        Undone is what succeeded, the last first, where the message dies of the failure or is cancelled. A run
        that storage has marked as undone runs once more to get here, and as often as it takes.
        """
        marker = self._journal.replay.undoing
        if marker is not None:
            again = self._again(outcome, is_final)
            if again is not None:
                return again
            outcome = _fate(marker)
        elif isinstance(outcome, Succeeded):
            return outcome
        elif isinstance(outcome, Crashed):
            return await self._after_crash(outcome, is_final)
        elif not isinstance(outcome, Cancelled) and not is_final(outcome):
            return outcome
        else:
            missed = self._journal.unsure or bool(self._journal.replay.unmet())
            if self._undos or missed:
                await self._mark(outcome)
            if missed:
                # It failed before it came by what it did, or cannot say what that is: once more, to hear how
                # it is undone.
                return RetryLater(_ONCE_MORE_S, "to undo what it did", counts=False)
        try:
            for undo in reversed(self._undos):
                await self._undo(undo)
        except Suspend as suspend:
            return Suspended(suspend.due_at_ms, suspend.waits)
        except RuntimeGone as gone:
            return Crashed(WorkerError(f"the worker died while it undid: {gone}", code="worker.crashed"))
        failures = self._journal.undo_failures
        if failures and isinstance(outcome, Failed):
            outcome.error.details = {**outcome.error.details, "undo_failures": failures}
        return outcome

    def _again(self, outcome: Outcome, is_final: Callable[[Outcome], bool]) -> Outcome | None:
        """What ends an execution that was to find out what to undo and did not; None where it did."""
        if isinstance(outcome, Crashed | Released) or (
            isinstance(outcome, RetryLater) and not outcome.counts
        ):
            return outcome
        missed = [] if self._journal.turned_back else self._journal.replay.unmet()
        if not missed:
            return None
        if not isinstance(outcome, Cancelled) and not is_final(outcome):
            return outcome
        for name in missed:
            self._execution.logger.error(
                f"{name!r} was done and is not known to be undone: the handler ended before it"
            )
            self._journal.undo_failures.append({"step": name, "code": "workflow.not_undone"})
        return None

    async def _after_crash(self, outcome: Crashed, is_final: Callable[[Outcome], bool]) -> Outcome:
        """What undoes the steps went with the process. One more attempt, which does nothing new, brings it
        back where the run would die now."""
        if not is_final(outcome) or not (self._undos or self._journal.replay.unmet()):
            return outcome
        await self._mark(outcome)
        return RetryLater(0.0, "to undo what was done", counts=False)

    async def _mark(self, outcome: Outcome) -> None:
        """From now on the run is being undone, in every attempt to come."""
        cause = CANCELLED if isinstance(outcome, Cancelled) else encoding.encode(cause_of(outcome))
        await self._journal.put(self._journal.entry(UNDO_MARKER, "marker", "done", error=cause))

    async def _undo(self, undo: _Undo) -> None:
        """Undo one step. That it failed, after its own attempts, is noted; the others go on."""

        async def run() -> None:
            takes = len(inspect.signature(undo.function).parameters)
            work = partial(undo.function, undo.result) if takes else undo.function
            await self._journal.memoized(f"undo {undo.name}", "undo", work, _UNDO_POLICY, self._timeout_s)

        try:
            await asyncio.get_running_loop().create_task(run(), context=undo.context)
        except BackendError:
            raise  # it may have been undone: only its journal can say
        except Exception as error:
            failure = told(error)
            self._execution.logger.error(f"undo of {undo.name!r} failed: {headline_of(failure)}")
            self._journal.undo_failures.append({"step": undo.name, **failure})


def _fate(marker: JournalEntry) -> Outcome:
    """How a run ends that is undone: as it would have ended when that began."""
    cause = encoding.decode(marker.error or CANCELLED)
    message, code = str(cause.get("message", "")), str(cause.get("code", ""))
    if code == "workflow.cancelled":
        return Cancelled(message)
    return Failed(WorkflowError(message, code=code, retryable=False), retryable=False)
