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
        self._environment = os.environ if environment is None else environment
        self._kinds = {kind.name: kind for kind in kinds}
        self._current: dict[str, list[WorkerProcess]] = {}
        self._old: list[WorkerProcess] = []
        self._made = 0

    def sockets(self, kind: str) -> list[Path]:
        """Where the workers of a kind are dialled. Failure: OSError."""
        if kind not in self._current:
            self._current[kind] = self._open(self._kinds[kind])
        return [process.path for process in self._current[kind]]

    def replace(self, kind: str) -> list[Path]:
        """New processes for a kind; the old ones serve on until `retire`."""
        self._old += self._current.pop(kind, [])
        return self.sockets(kind)

    async def retire(self, grace_s: float) -> None:
        """End the processes that were replaced."""
        old, self._old = self._old, []
        await asyncio.gather(*(process.shut_down(grace_s) for process in old))

    async def stop(self) -> None:
        """End all of them. Safe twice."""
        running = [*self._old, *(one for group in self._current.values() for one in group)]
        self._old, self._current = [], {}
        await asyncio.gather(*(process.stop() for process in running))

    def _open(self, kind: WorkerKind) -> list[WorkerProcess]:
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
            process.start()
            opened.append(process)
        return opened
