"""Workers run from a project's settings: by the supervisor, or by a node that has none."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from motia.core.clock import Clock
from motia.runtimes.worker.greeting import greeting_of
from motia.runtimes.worker.host import HostOptions, WorkerHost
from motia.runtimes.worker.process import WorkerEvent
from motia.settings import Settings


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
        spares=settings.mode == "development",
    )
    return WorkerHost(
        directory,
        greeting_of(settings, "owner"),
        clock,
        options,
        report=report,
        environment=environment,
    )


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
