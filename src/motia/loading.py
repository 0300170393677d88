"""A node's steps, of all languages: loaded at its start, and again when those of another language change."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from motia.core.clock import Clock
from motia.cron.expression import CronError, parse
from motia.discovery.project import Discovered, discover, without
from motia.discovery.triggers import CronCheck
from motia.errors import MotiaError
from motia.http.middleware import compose
from motia.runtimes.process.pool import PROGRAM, StepProcesses
from motia.runtimes.protocol import Loaded, Runtime
from motia.runtimes.python.runtime import PythonRuntime
from motia.runtimes.worker.assembly import by_language, make_runtimes
from motia.runtimes.worker.hosting import OwnHost
from motia.runtimes.worker.process import WorkerEvent
from motia.settings import Settings
from motia.tracing.logger import StepLogger
from motia.tracing.record import Level
from motia.tracing.recorder import Recorder


@dataclass(frozen=True, slots=True)
class LoadedProject:
    """What one look at the project found, ready to run, and everything that is wrong with it."""

    discovered: Discovered
    problems: list[MotiaError]


class ProjectLoader:
    """The runtimes of a node, and what they loaded.

    `worker_sockets` are those of the supervisor's workers, by kind; with None this node starts workers of its
    own, when the first file needs one. `on_change` is called when a worker that was started again found
    other steps. `running` gives the names of the steps being executed, by language.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        recorder: Recorder,
        *,
        node: str,
        worker_sockets: Mapping[str, Sequence[str]] | None = None,
        on_change: Callable[[], None] = lambda: None,
        running: Callable[[], Mapping[str, Sequence[str]]] = dict,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._recorder = recorder
        self._worker_sockets = worker_sockets
        self._running = running
        self._own = OwnHost(settings, clock, report=self._tell)
        self._processes = StepProcesses(
            PROGRAM,
            settings.project_dir,
            most=settings.queue.processes or os.cpu_count() or 1,
            grace_s=settings.queue.cancel_grace_s,
            clock=clock,
        )
        self.python = PythonRuntime(
            threads=settings.queue.threads,
            cancel_grace_s=settings.queue.cancel_grace_s,
            compose=compose,
            elsewhere=self._processes.invoke,
        )
        self._python_files = _LoadedOnce(self.python)
        self._workers = make_runtimes(
            settings, node, clock, self._sockets, on_change=on_change, on_log=self._log
        )
        self.runtimes: dict[str, Runtime] = {"python": self.python, **by_language(self._workers)}

    async def load(self) -> LoadedProject:
        """Find and load the steps, and make them ready to run."""
        began_s = self._clock.monotonic_s()
        files: dict[str, Runtime] = {**self.runtimes, "python": cast(Runtime, self._python_files)}
        check_cron = _cron_check(self._settings.timezone)
        discovered = await discover(self._settings.project_dir, files, check_cron=check_cron)
        languages = {candidate.language for candidate in discovered.files}
        discovered = without(discovered, self.python.prepare(discovered.registry))
        problems: list[MotiaError] = list(discovered.problems)
        for worker in self._workers:
            if not languages.intersection(worker.languages):
                worker.release()
            problems += worker.prepare(discovered.registry)
        self._recorder.event(
            "registry.loaded",
            version=discovered.registry.version,
            steps=len(discovered.registry.steps),
            problems=len(problems),
            duration_ms=(self._clock.monotonic_s() - began_s) * 1000,
        )
        return LoadedProject(discovered, problems)

    async def load_from(self, worker_sockets: Mapping[str, Sequence[str]]) -> LoadedProject:
        """As `load`, with the workers at other sockets. Python modules stay as they are."""
        self._worker_sockets = worker_sockets
        return await self.load()

    async def stop(self) -> None:
        """Let go of threads and processes. Safe twice."""
        for worker in self._workers:
            worker.close()
        await self._own.stop()
        self._processes.close()
        self.python.close()

    def _sockets(self, kind: str) -> Sequence[Path]:
        if self._worker_sockets is None:
            return self._own.sockets(kind)
        return [Path(path) for path in self._worker_sockets[kind]]

    def _tell(self, event: WorkerEvent) -> None:
        event = event.beside(self._running())
        if event.what != "started":
            self._recorder.log(cast(Level, event.level), event.text, step=event.worker)

    def _log(self, kind: str, params: dict[str, Any]) -> None:
        level = params.get("level")
        known = level if level in ("debug", "warning", "error") else "info"
        step, trace_id = params.get("step"), params.get("trace_id")
        logger = StepLogger(self._recorder, str(step or kind), trace_id=str(trace_id or ""))
        getattr(logger, known)(params.get("message", ""), params.get("data"))


class _LoadedOnce:
    """The loading of a runtime that reads its files a single time."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._loaded: Loaded | None = None

    async def load(self, project_dir: Path, files: Sequence[Path]) -> Loaded:
        if self._loaded is None:
            self._loaded = await self._runtime.load(project_dir, files)
        return self._loaded


def _cron_check(default_timezone: str) -> CronCheck:
    """What is wrong with an expression and how to fix it, for discovery; None when nothing is."""

    def check(expression: str, timezone: str | None) -> tuple[str, str | None] | None:
        try:
            parse(expression, timezone or default_timezone)
        except CronError as error:
            return error.message, error.hint
        return None

    return check
