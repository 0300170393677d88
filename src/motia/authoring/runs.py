"""How a run stands, as a handler that asks sees it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from motia import encoding
from motia.core.calls import Calls
from motia.core.ids import format_id
from motia.core.workflow import JournalEntry, RunStatus, RunSummary
from motia.workflow.documents import custom_status
from motia.workflow.mail import parse_run_id
from motia.workflow.selection import chosen


@dataclass(frozen=True, slots=True)
class RunState:
    """A run of a workflow at one moment."""

    id: str
    step: str
    status: RunStatus
    custom_status: Any
    """What it said last with `ctx.set_custom_status`; None where it has said nothing."""
    output: Any
    error: dict[str, Any] | None
    """Why it did not end well: `code`, `message` and, where there is one, `type`."""
    due_at_ms: int | None
    """When it goes on by itself, if it sleeps."""


async def run_state(calls: Calls, run_id: str, step: str | None) -> RunState | None:
    """How a run stands; None where there is none. Failure: `InputError` `run.bad_id`, `run.ambiguous`."""
    message_id = parse_run_id(run_id)
    runs = [run for run in await calls.runs(message_id) if step in (None, run.id.step)]
    return _state_of(chosen(runs, run_id, step), await calls.journal(runs[0].id)) if runs else None


def _state_of(run: RunSummary, entries: Iterable[JournalEntry]) -> RunState:
    """What is told of a run."""
    return RunState(
        id=format_id(run.id.message_id),
        step=run.id.step,
        status=run.status,
        custom_status=custom_status(entries),
        output=None if run.output is None else encoding.decode(run.output),
        error=None if run.error is None else encoding.decode(run.error),
        due_at_ms=run.due_at_ms,
    )
