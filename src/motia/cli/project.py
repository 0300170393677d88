"""The project a command works on: its settings, its store, its steps."""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from motia.backends.protocol import Backend
    from motia.settings.load import Loaded
    from motia.settings.model import Mode, Settings
    from motia.supervisor.spawn import Spawned
    from motia.tracing.store import TraceStore

T = TypeVar("T")
_REENTERED = "MOTIA_REENTERED"


def load_project(
    directory: Path,
    *,
    mode: Mode | None = None,
    flags: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Loaded:
    """Settings of the project; `.env` is then in the environment and the project is the working directory.

    `environ` stands for the environment as it was before an earlier call put `.env` into it.
    """
    from motia.settings.load import load_settings

    loaded = load_settings(directory, mode=mode, flags=flags, environ=environ)
    os.environ.update(loaded.dotenv)
    os.chdir(loaded.settings.project_dir)
    return loaded


def supervise(directory: Path, *, mode: Mode, flags: Mapping[str, Any], spawned: Spawned | None) -> int:
    """Run the project under a supervisor until it is stopped; the exit code."""
    from motia.cli.output import note

    # A later process has another working directory, and `.env` in its environment.
    directory, environ = directory.absolute(), dict(os.environ)

    def read() -> Loaded:
        return load_project(directory, mode=mode, flags=flags, environ=environ)

    loaded = read()
    for notice in loaded.notices:
        note(notice)
    from motia.supervisor.run import run_supervised

    return run_supervised(
        loaded.settings, dotenv=loaded.dotenv, read_again=read, spawned=spawned, environment=environ
    )


def enter_project_environment(directory: Path) -> None:
    """Start again in the project's own `.venv`, if motia is installed there: its packages are the steps'."""
    root = directory.resolve() / ".venv"
    python = root / "bin" / "python"
    installed = any(root.glob("lib/python*/site-packages/motia_steps-*.dist-info"))
    if installed and Path(sys.prefix).resolve() != root.resolve() and _REENTERED not in os.environ:
        os.environ[_REENTERED] = "1"
        os.execv(python, [str(python), "-P", "-m", "motia.cli.main", *sys.argv[1:]])


def with_store(settings: Settings, work: Callable[[Backend], Awaitable[T]]) -> T:
    """What `work` returns for the project's open store, which is closed again whatever happens."""
    import asyncio

    from motia.adapters import open_backend
    from motia.errors import SettingsError
    from motia.settings.database import locate_database

    if locate_database(settings).kind == "memory":
        raise SettingsError(
            "database: expected a file that this command can open, got 'memory'",
            code="database.not_shared",
            hint="a memory database lives in the running node only; use sqlite",
        )

    async def session() -> T:
        backend = open_backend(settings)
        await backend.open()
        try:
            return await work(backend)
        finally:
            await backend.close()

    return asyncio.run(session())


def with_traces(settings: Settings, work: Callable[[TraceStore], Awaitable[T]]) -> T:
    """What `work` returns for the project's traces and logs, which are closed again whatever happens."""
    import asyncio

    from motia.adapters import open_traces

    async def session() -> T:
        store = open_traces(settings)
        try:
            return await work(store)
        finally:
            await store.aclose()

    return asyncio.run(session())


def length_s(text: str) -> float:
    """Seconds of an option like `500ms` or `15m`. Failure: `typer.BadParameter`."""
    import typer

    from motia.authoring.durations import seconds
    from motia.errors import MotiaError

    try:
        return seconds(text)
    except MotiaError as error:
        raise typer.BadParameter(error.message) from error


def since_ms(since: str | None) -> float | None:
    """The time that an option like `15m` means; None without one."""
    if since is None:
        return None
    from motia.core.clock import SystemClock

    return SystemClock().now_ms() - length_s(since) * 1000


def steps_of_flow(settings: Settings, flow: str | None) -> tuple[str, ...] | None:
    """Names of a flow's steps; None without one. Failure: `typer.BadParameter` where no step is in it."""
    if flow is None:
        return None
    import typer

    found = tuple(step.name for step in discover(settings).registry.steps.values() if flow in step.flows)
    if not found:
        raise typer.BadParameter(f"--flow: expected a flow of this project, got {flow!r}")
    return found


def discover(settings: Settings) -> Any:
    """The project's steps, problems and notices. Prints of the step files go to stderr."""
    import asyncio
    from contextlib import redirect_stdout

    from motia.outside import discover_project

    # Importing step files runs them: what they print must not end up inside our document.
    with redirect_stdout(sys.stderr):
        return asyncio.run(discover_project(settings))
