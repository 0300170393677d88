"""What would become of runs and messages under way if the steps of this registry took them over now.

Nothing is run and nothing is changed: journals are compared with the text of the steps' files, payloads with
their schemas.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field

from motia.backends.protocol import Backend
from motia.core.ids import format_id
from motia.core.message import QueueName
from motia.core.registry import Registry
from motia.core.step import Step
from motia.core.workflow import JournalEntry, RunStatus, RunSummary
from motia.engine.input_check import check_input
from motia.errors import InputError
from motia.workflow.drift import CodeOfRun, drifts

_PAGE = 500
_UNDER_WAY: tuple[RunStatus, ...] = ("running", "suspended", "held")

ReadCode = Callable[[Step], CodeOfRun]
"""The durable calls that stand in a step's file."""


@dataclass(slots=True, kw_only=True)
class Misfit:
    """Runs or messages of one step that do not fit it any more, all for the same reason."""

    code: str
    """`step.removed`: they wait for a step; `workflow.changed`: they would be held; `input.invalid`: they
    would be dead-lettered."""
    step: str
    where: str
    """`path:line` of the step, or of the call that took the name; "" where the step is gone."""
    name: str = ""
    """Of the recorded call."""
    old: str
    new: str
    count: int = 0
    example: str = ""
    """Id of the first run or message."""


@dataclass(slots=True)
class DryCheck:
    """What was looked at, and what does not fit."""

    runs: int = 0
    messages: int = 0
    misfits: list[Misfit] = field(default_factory=list)


async def dry_check(backend: Backend, registry: Registry, read_code: ReadCode) -> DryCheck:
    """Compare all that is under way with the registry. Reads page by page; nodes may run beside it."""
    result = DryCheck()
    found: dict[tuple[str, str, str, str, str], Misfit] = {}

    def note(misfit: Misfit, id_: bytes) -> None:
        key = (misfit.code, misfit.step, misfit.name, misfit.old, misfit.new)
        known = found.setdefault(key, misfit)
        known.count += 1
        known.example = known.example or format_id(id_)

    codes: dict[str, CodeOfRun] = {}
    async for run in _runs(backend):
        result.runs += 1
        step = registry.steps.get(run.id.step)
        if step is not None and step.name not in codes:
            codes[step.name] = read_code(step)
        entries = [] if step is None else await backend.workflow.journal(run.id)
        for misfit in _of_run(run, registry, entries, codes):
            note(misfit, run.id.message_id)
    after_seq = 0
    while page := await backend.queue.undelivered(after_seq=after_seq, limit=_PAGE):
        for message in page:
            result.messages += 1
            try:
                check_input(registry, message.queue, message.payload)
            except InputError as error:
                step = registry.steps[message.queue.step]
                old = f"a payload of {message.queue.topic}"
                misfit = Misfit(
                    code="input.invalid", step=step.name, where=str(step.source), old=old, new=error.message
                )
                note(misfit, message.id)
        after_seq = page[-1].seq
    result.misfits = list(found.values())
    return result


async def _runs(backend: Backend) -> AsyncIterator[RunSummary]:
    for status in _UNDER_WAY:
        before = None
        while page := await backend.workflow.runs(status=status, before=before, limit=_PAGE):
            for run in page:
                yield run
            before = page[-1].id


def _of_run(
    run: RunSummary, registry: Registry, entries: list[JournalEntry], codes: dict[str, CodeOfRun]
) -> Iterator[Misfit]:
    name = run.id.step
    step = registry.steps.get(name)
    if step is None:
        yield Misfit(code="step.removed", step=name, where="", old=f"step {name}", new="no such step")
        return
    where = str(step.source)
    if QueueName(run.topic, name) not in registry.queues:
        old, new = f"topic {run.topic}", "not subscribed any more"
        yield Misfit(code="step.removed", step=name, where=where, old=old, new=new)
    for drift in drifts(entries, codes[name]):
        yield Misfit(
            code="workflow.changed",
            step=name,
            where=f"{step.source.path}:{drift.line}" if drift.line else where,
            name=drift.name,
            old=drift.old,
            new=drift.new,
        )
