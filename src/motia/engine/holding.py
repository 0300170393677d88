"""A run whose code changed under it: no failure. It is held, and looks now and then for its own code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from motia import encoding
from motia.core.invocation import Failed, Outcome, RetryLater, Succeeded
from motia.core.workflow import HELD_MARKER
from motia.engine.journal import Journal
from motia.engine.replies import told
from motia.errors import WorkflowError

if TYPE_CHECKING:
    from motia.engine.execution import Execution

_LOOK_AFTER_S = 5.0
_LOOK_AFTER_AT_MOST_S = 300.0


async def held_or(outcome: Outcome, execution: Execution, journal: Journal) -> Outcome:
    """`outcome`, or that the run is held. What the other code recorded is kept, and not asked for later."""
    replay = journal.replay
    changed: WorkflowError | None = None
    if isinstance(outcome, Succeeded):
        try:
            replay.check_all_met()
        except WorkflowError as error:
            changed = error
    elif isinstance(outcome, Failed) and outcome.error.code == "workflow.changed":
        changed = WorkflowError(
            outcome.error.message,
            code="workflow.changed",
            details=outcome.error.details,
            hint=outcome.error.hint,
            retryable=False,
        )
    held = replay.held
    if changed is None:
        if held is not None:
            await journal.put(journal.entry(HELD_MARKER, "marker", "done", value=held.value))
        return outcome
    looks = 0 if held is None else held.attempts
    wait_s = min(_LOOK_AFTER_S * 2.0 ** min(looks, 16), _LOOK_AFTER_AT_MOST_S)
    source = execution.invocation.step.source
    cause = {**told(changed), "details": changed.details, "step": str(source), "hint": changed.hint}
    await journal.put(
        journal.entry(
            HELD_MARKER,
            "marker",
            "waiting",
            attempts=looks + 1,
            value=encoding.encode(replay.made_by_other_code()),
            error=encoding.encode(cause),
            due_at_ms=journal.now_ms() + round(wait_s * 1000),
        )
    )
    execution.logger.error(f"{source}: {changed.message}; {changed.hint}")
    return RetryLater(wait_s, changed.message, counts=False)
