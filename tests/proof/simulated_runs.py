"""The workflows of the simulation: what their handlers do, and what must hold of it whatever happens."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

from motia import encoding
from motia.core import batch as ops
from motia.core.calls import Calls
from motia.core.clock import Clock
from motia.core.invocation import Outcome, Succeeded
from motia.core.message import MessageId
from motia.core.workflow import RunId
from motia.errors import HandlerError, WorkflowError

_PARTS = ("step", "step", "undoable", "undoable", "sleep", "pair", "signal", "call")


def program(run: MessageId) -> list[str]:
    """What the handler of a run does, the same in every attempt."""
    chance = random.Random(run)
    return [f"{chance.choice(_PARTS)} {number}" for number in range(chance.randint(2, 5))]


class SimulatedRuns:
    """Runs programs over durable calls, and judges what they did by what storage was seen to record."""

    def __init__(self, chance: random.Random, shapes: Counter[str], wrong: list[str]) -> None:
        self._chance = chance
        self._shapes = shapes
        self._wrong = wrong
        self._recorded: dict[RunId, dict[str, str]] = defaultdict(dict)
        self._values: dict[tuple[RunId, str], int] = {}
        self._undone: dict[RunId, list[str]] = defaultdict(list)
        self.calm = False

    # Handlers

    async def handle(
        self, run: RunId, calls: Calls, clock: Clock, signal: Callable[[str, str], None]
    ) -> Outcome:
        """One attempt. `signal(run, name)` lets a signal come some time."""
        workflow = calls.durable()
        for part in program(run.message_id):
            what = part.partition(" ")[0]
            if what == "step":
                self._check(run, part, await workflow.step(part, self._effect(run, part, clock)))
            elif what == "undoable":
                undo = self._undo(run, part)
                self._check(run, part, await workflow.step(part, self._effect(run, part, clock), undo=undo))
            elif what == "sleep":
                await workflow.sleep_until(clock.now_ms() + self._chance.choice((500, 3000, 9000)), part)
            elif what == "pair":
                both = [(f"{part} {side}", self._effect(run, f"{part} {side}", clock)) for side in "ab"]
                found = await workflow.gather(*(workflow.step(name, effect) for name, effect in both))
                for (name, _), value in zip(both, found, strict=True):
                    self._check(run, name, value)
            elif what == "signal":
                if self._chance.random() < 0.7:
                    signal(workflow.run_id, part)
                await self._expected(workflow.wait_for_signal(part, timeout_s=8.0), "signal came")
            else:
                await self._expected(workflow.call("take_plain", {"key": "a", "number": 1}), "call answered")
        return Succeeded()

    async def _expected(self, call: Any, shape: str) -> None:
        try:
            await call
            self._shapes[shape] += 1
        except WorkflowError as error:
            if error.code not in ("workflow.wait_timed_out", "workflow.call_failed"):
                raise
            self._shapes[error.code] += 1

    def _effect(self, run: RunId, name: str, clock: Clock) -> Callable[[], Any]:
        async def effect() -> int:
            if self._recorded[run].get(name) == "done":
                self._wrong.append(f"{name} was done again after it was recorded")
            await clock.sleep(self._chance.choice((0.0, 0.0, 0.05)))
            if not self.calm and self._chance.random() < 0.15:
                raise HandlerError(f"{name} fails", retryable=self._chance.random() < 0.5)
            value = self._values[run, name] = self._chance.randrange(2**30)
            return value

        return effect

    def _undo(self, run: RunId, name: str) -> Callable[[Any], Any]:
        async def undo(result: Any) -> None:
            self._check(run, name, result)
            if name not in self._undone[run]:
                self._undone[run].append(name)
            await asyncio.sleep(0)

        return undo

    def _check(self, run: RunId, name: str, value: Any) -> None:
        if value != self._values.get((run, name)):
            self._wrong.append(f"{name} gave {value}, but was done last with another result")

    # What storage was seen to do

    def note(self, operation: ops.Operation) -> None:
        if isinstance(operation, ops.JournalPut):
            entry = operation.entry
            known = self._recorded[operation.run]
            if entry.name == "$held":
                self._wrong.append(f"held, though no code changed: {entry.error!r}")
            if known.get(entry.name) == "done" and entry.status != "done":
                self._wrong.append(f"{entry.name} was done, and then {entry.status}")
            known[entry.name] = entry.status
            self._shapes[f"entry {entry.kind} {entry.status}"] += 1
        elif isinstance(operation, ops.RunEnd):
            self._shapes[f"run {operation.status}"] += 1
            self._judge(operation)

    def _judge(self, end: ops.RunEnd) -> None:
        parts = program(end.run.message_id)
        known = self._recorded[end.run]
        if end.status == "completed":
            wanted = [part for part in parts if part.startswith(("step", "undoable"))]
            wanted += [f"{part} {side}" for part in parts if part.startswith("pair") for side in "ab"]
            missing = [name for name in wanted if known.get(name) != "done"]
            if missing:
                self._wrong.append(f"a run completed without {missing}")
            return
        done = [part for part in parts if part.startswith("undoable") and known.get(part) == "done"]
        error = encoding.decode(end.error or b"{}")
        if "$undo" not in known and error.get("code") != "worker.crashed":
            return
        told = [one["step"] for one in error.get("undo_failures", ())]
        # Of what is told as not undone the undo may have run: it was not recorded, and is not known to have.
        done = [part for part in done if part not in told]
        undone = [part for part in self._undone[end.run] if part not in told]
        self._shapes["undone"] += bool(done)
        if undone != done[::-1]:
            self._wrong.append(f"{done} were done, {undone} undone")
