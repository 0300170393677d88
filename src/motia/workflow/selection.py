"""Which run somebody means: a message's id names one, unless several steps handle the message."""

from __future__ import annotations

from collections.abc import Sequence

from motia.core.workflow import RunSummary
from motia.errors import InputError


def chosen(runs: Sequence[RunSummary], run_id: str, step: str | None) -> RunSummary:
    """The one of a message's `runs` that is meant.

    Failure: `InputError` `run.unknown` (404), `run.ambiguous` (409), whose `details["steps"]` are to choose
    from.
    """
    found = [run for run in runs if step in (None, run.id.step)]
    if not found:
        where = f" of step {step!r}" if step else ""
        raise InputError(
            f"run {run_id!r}: expected a run of this project{where}, got none",
            code="run.unknown",
            status=404,
            hint="a message becomes a run with its first durable call; see `motia runs list`",
        )
    if len(found) > 1:
        steps = [run.id.step for run in found]
        raise InputError(
            f"run {run_id!r}: expected the name of one step, got a message that {len(found)} steps run:"
            f" {', '.join(steps)}",
            code="run.ambiguous",
            status=409,
            details={"steps": steps},
            hint="say which with `step`",
        )
    return found[0]


def still_open(run: RunSummary) -> RunSummary:
    """`run`, if it has not ended. Failure: `InputError` `run.ended` (409)."""
    if run.ended_at_ms is not None:
        raise InputError(
            f"run of {run.id.step!r}: expected one that has not ended, got one that is {run.status}",
            code="run.ended",
            status=409,
        )
    return run


def may_be_signalled(runs: Sequence[RunSummary], run_id: str, *, is_stored: bool) -> None:
    """Whether anything of that id may still come to wait: a run, or a message that `is_stored`.

    Failure: `InputError` `run.unknown` (404), `run.ended` (409).
    """
    if not runs and not is_stored:
        chosen((), run_id, None)
    if runs and all(run.ended_at_ms is not None for run in runs):
        still_open(runs[0])
