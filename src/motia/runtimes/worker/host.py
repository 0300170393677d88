"""Owns all workers of a project: makes their sockets, and replaces them when their files change."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from motia.core.clock import Clock
from motia.runtimes.worker.greeting import Greeting
from motia.runtimes.worker.kinds import WORKER_KINDS, WorkerKind
from motia.runtimes.worker.process import WorkerEvent, WorkerProcess


@dataclass(frozen=True, slots=True, kw_only=True)
class HostOptions:
    """How workers are run."""

    processes: int
    report_stall_s: float
    kill_stall_s: float
    spares: bool = False
    """Whether `keep_spares` starts the processes of the next `replace` before it is called."""


class WorkerHost:
    """Sockets and processes of every kind. A kind that nobody dials costs a socket and no process.

    `sockets(kind)` is where the processes of now are reached. `replace(kind)` makes new ones beside the old,
    which `retire` ends once the nodes have left them.
    """

    def __init__(
        self,
        directory: Path,
        greeting: Greeting,
        clock: Clock,
        options: HostOptions,
        *,
        report: Callable[[WorkerEvent], None],
        environment: Mapping[str, str] | None = None,
        kinds: Sequence[WorkerKind] = WORKER_KINDS,
    ) -> None:
        self._directory = directory
        self._greeting = greeting
        self._clock = clock
        self._options = options
        self._report = report
        self._environment = dict(os.environ if environment is None else environment)
        self._kinds = {kind.name: kind for kind in kinds}
        self._current: dict[str, list[WorkerProcess]] = {}
        self._old: list[WorkerProcess] = []
        self._spares: dict[str, list[WorkerProcess]] = {}
        self._made = 0

    def sockets(self, kind: str) -> list[Path]:
        """Where the workers of a kind are dialled. Failure: OSError."""
        if kind not in self._current:
            self._current[kind] = self._open(self._kinds[kind])
        return [process.path for process in self._current[kind]]

    def replace(self, kind: str) -> list[Path]:
        """New processes for a kind; the old ones serve on until `retire`."""
        self._old += self._current.pop(kind, [])
        if kind in self._spares:
            self._current[kind] = self._spares.pop(kind)
        return self.sockets(kind)

    def keep_spares(self) -> None:
        """Start what the next `replace` takes into use, for the kinds that are in use now."""
        if not self._options.spares:
            return
        for name, processes in self._current.items():
            kind = self._kinds[name]
            in_use = any(process.is_running for process in processes)
            if in_use and kind.reads_when_loading and name not in self._spares:
                self._spares[name] = self._open(kind, ahead=True)

    def renew_environment(self, environment: Mapping[str, str]) -> bool:
        """Give processes that start from now on these variables; whether they differ from those before."""
        if environment == self._environment:
            return False
        self._environment = dict(environment)
        self._old += [one for group in self._spares.values() for one in group]
        self._spares = {}
        return True

    async def retire(self, grace_s: float) -> None:
        """End the processes that were replaced."""
        old, self._old = self._old, []
        await asyncio.gather(*(process.shut_down(grace_s) for process in old))

    async def stop(self) -> None:
        """End all of them. Safe twice."""
        groups = [self._old, *self._current.values(), *self._spares.values()]
        self._old, self._current, self._spares = [], {}, {}
        await asyncio.gather(*(process.stop() for group in groups for process in group))

    def _open(self, kind: WorkerKind, *, ahead: bool = False) -> list[WorkerProcess]:
        opened = []
        for _ in range(self._options.processes):
            self._made += 1
            process = WorkerProcess(
                kind,
                self._directory / f"{kind.name}-{self._made}.sock",
                self._greeting,
                self._clock,
                environment=self._environment,
                report_stall_s=self._options.report_stall_s,
                kill_stall_s=self._options.kill_stall_s,
                report=self._report,
            )
            process.start(ahead=ahead)
            opened.append(process)
        return opened
