"""The runtimes of all kinds of workers, built from the settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from motia.core.clock import Clock
from motia.runtimes.worker.greeting import greeting_of
from motia.runtimes.worker.kinds import WORKER_KINDS
from motia.runtimes.worker.runtime import WorkerRuntime
from motia.settings import Settings

Sockets = Callable[[str], Sequence[Path]]
"""Where the workers of a kind are dialled."""


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
            kind,
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
