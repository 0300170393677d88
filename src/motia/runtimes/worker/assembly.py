"""Workers and their runtimes, built from the settings."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from motia.core.clock import Clock
from motia.runtimes.worker.connection import STREAM_ITEMS
from motia.runtimes.worker.frames import FrameLimits
from motia.runtimes.worker.host import HostOptions, WorkerHost
from motia.runtimes.worker.kinds import WORKER_KINDS
from motia.runtimes.worker.link import Greeting
from motia.runtimes.worker.process import WorkerEvent
from motia.runtimes.worker.runtime import WorkerRuntime
from motia.settings import Settings

Sockets = Callable[[str], Sequence[Path]]
"""Where the workers of a kind are dialled."""


def greeting_of(settings: Settings, node: str) -> Greeting:
    """What `node` says when it dials a worker."""
    workers = settings.workers
    return Greeting(
        node=node,
        project_dir=settings.project_dir.resolve(),
        environment=settings.mode,
        limits=FrameLimits(frame_bytes=workers.frame_bytes, message_bytes=workers.message_bytes),
        stream_items=STREAM_ITEMS,
        heartbeat_s=workers.heartbeat_s,
        load_s=workers.load_s,
    )


def make_host(
    settings: Settings,
    directory: Path,
    clock: Clock,
    *,
    report: Callable[[WorkerEvent], None],
    environment: Mapping[str, str] | None = None,
) -> WorkerHost:
    """The owner of a project's workers; its sockets are in `directory`, which must be private."""
    limit_s = settings.queue.handler_timeout_s + settings.queue.cancel_grace_s
    options = HostOptions(
        processes=settings.workers.processes,
        report_stall_s=2.0 if settings.mode == "development" else 5.0,
        kill_stall_s=limit_s,
    )
    return WorkerHost(
        directory,
        greeting_of(settings, "owner"),
        clock,
        options,
        report=report,
        environment=environment,
    )


def make_runtimes(
    settings: Settings,
    node: str,
    clock: Clock,
    sockets: Sockets,
    *,
    on_change: Callable[[], None],
    on_log: Callable[[str, dict[str, Any]], None],
) -> list[WorkerRuntime]:
    """A runtime for each kind of worker. None of them dials before it is told to load files."""
    greeting = greeting_of(settings, node)
    return [
        WorkerRuntime(
            kind.name,
            kind.languages,
            sockets=lambda name=kind.name: sockets(name),  # type: ignore[misc]  # the name of now
            greeting=greeting,
            clock=clock,
            cancel_grace_s=settings.queue.cancel_grace_s,
            on_change=on_change,
            on_log=on_log,
        )
        for kind in WORKER_KINDS
    ]


def by_language(runtimes: Sequence[WorkerRuntime]) -> dict[str, WorkerRuntime]:
    """The runtimes by the languages they serve."""
    return {language: runtime for runtime in runtimes for language in runtime.languages}


class OwnHost:
    """Workers of a project that has no supervisor: their sockets live in a temporary directory."""

    def __init__(self, settings: Settings, clock: Clock, *, report: Callable[[WorkerEvent], None]) -> None:
        self._settings = settings
        self._clock = clock
        self._report = report
        self._host: WorkerHost | None = None
        self._directory: Path | None = None

    def sockets(self, kind: str) -> Sequence[Path]:
        """Where the workers of a kind are dialled; nothing is made before this is asked."""
        if self._host is None:
            self._directory = Path(tempfile.mkdtemp(prefix="motia-"))
            self._host = make_host(self._settings, self._directory, self._clock, report=self._report)
        return self._host.sockets(kind)

    async def stop(self) -> None:
        """End the workers. Safe twice."""
        host, self._host = self._host, None
        if host is not None:
            await host.stop()
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
