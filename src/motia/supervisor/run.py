"""The two ways to run a project: under a supervisor, or as one process in the foreground.

What they need is imported when they are called: nodes and data commands import this package, too.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from motia.settings import Settings
    from motia.settings.load import Loaded
    from motia.supervisor.events import Event
    from motia.supervisor.listeners import Listeners
    from motia.supervisor.spawn import Spawned

_DEFAULT_APP = "motia.app:App"


def print_event(event: Event) -> None:
    """Show an event as plain lines on standard error.

    Whoever read them may be gone (`motia start 2>&1 | head`, a terminal that was closed): then there is
    nobody to tell, and what the event is about goes on all the same.
    """
    from motia.supervisor.events import describe

    with suppress(OSError):
        for line in describe(event):
            sys.stderr.write(f"{line}\n")


def run_supervised(
    settings: Settings,
    *,
    report: Callable[[Event], None] = print_event,
    dotenv: Mapping[str, str] | None = None,
    read_again: Callable[[], Loaded] | None = None,
    spawned: Spawned | None = None,
    app: str = _DEFAULT_APP,
    kill_after_s: float | None = None,
    environment: Mapping[str, str] | None = None,
) -> int:
    """Run a project under a supervisor until a signal stops it; the exit code.

    In development its files are watched and nodes replaced when they change. Two signals: stop now.
    *Failure*: `SettingsError`: the project runs already (`project.running`), a port is taken …
    """
    from motia.supervisor.supervisor import Supervisor, watch_signals

    development = settings.mode == "development"
    settings = settings.model_copy(update={"project_dir": settings.project_dir.resolve()})

    async def supervise(listeners: Listeners, directory: Path, console_token: str | None) -> int:
        supervisor = Supervisor(
            settings,
            listeners=listeners,
            runtime_dir=directory,
            report=report,
            dotenv=dotenv,
            read_again=read_again,
            spawned=spawned,
            app=app,
            kill_after_s=kill_after_s,
            environment=environment,
            console_token=console_token,
        )
        watch_signals(supervisor, development=development)
        done = asyncio.Event()

        async def reload_on_change() -> None:
            from motia.supervisor.events import WatchedByPolling
            from motia.supervisor.watcher import watch_project

            def tell(reason: str) -> None:
                report(WatchedByPolling(reason=reason))

            async for changed in watch_project(settings.project_dir, done, tell):
                supervisor.reload(changed)

        watching = asyncio.create_task(reload_on_change()) if development else None
        try:
            return await supervisor.run()
        finally:
            done.set()
            if watching is not None:
                await watching

    with _claimed(settings) as (listeners, directory):
        console_token = _open_console(settings, directory)
        return asyncio.run(supervise(listeners, directory, console_token))


def run_single(
    settings: Settings,
    *,
    app: str = _DEFAULT_APP,
    on_serving: Callable[[Mapping[str, object]], None] | None = None,
) -> int:
    """Run a project in this process, in the foreground, without reload: for debuggers; the exit code.

    `on_serving` gets the application's banner, with the `port` that is listened on, once it serves.
    """
    import uvloop

    settings = settings.model_copy(update={"project_dir": settings.project_dir.resolve(), "nodes": 1})
    with (
        _claimed(settings) as (listeners, directory),
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        console_token = _open_console(settings, directory)
        return runner.run(_serve_here(settings, listeners, app, on_serving, console_token))


async def _serve_here(
    settings: Settings,
    listeners: Listeners,
    app_name: str,
    on_serving: Callable[[Mapping[str, object]], None] | None,
    console_token: str | None,
) -> int:
    from motia.server.lifecycle import serve_until
    from motia.server.node_app import find_factory
    from motia.supervisor.events import Listening

    drain = asyncio.Event()
    loop = asyncio.get_running_loop()
    current = asyncio.current_task()
    assert current is not None

    def stop() -> None:
        if drain.is_set():
            current.cancel()
        drain.set()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, stop)
    app = find_factory(app_name)(listeners.as_opened(settings), slot=0)
    port = listeners.port("api")

    def serving() -> None:
        if on_serving is not None:
            on_serving({**app.banner(), "port": port})
        else:
            listening = Listening(
                host=settings.host,
                port=port or 0,
                workbench_port=listeners.port("workbench"),
                workbench_token=console_token,
            )
            print_event(listening)
            for line in (*app.banner().get("lines", ()), *app.banner().get("problems", ())):
                sys.stderr.write(f"{line}\n")

    try:
        await app.start()
        own = {name: sockets[0].dup() for name, sockets in listeners.by_name.items()}
        finished = await serve_until(app, own, settings=settings, drain=drain, on_serving=serving)
    except asyncio.CancelledError:
        return 130
    finally:
        await app.stop()
    return 0 if finished else 1


def _open_console(settings: Settings, directory: Path) -> str | None:
    """Make this start's secrets of the console, for its nodes; the token to print, if a person needs one."""
    if not settings.workbench.enabled:
        return None
    from motia.workbench.session import check_reach, renew_secrets

    check_reach(settings)
    made = renew_secrets(directory, settings.workbench.password)
    return None if settings.workbench.password else made.token


@contextmanager
def _claimed(settings: Settings) -> Iterator[tuple[Listeners, Path]]:
    """Hold the project's lock and sockets, its folders for data made: what cannot be started is told before
    any node is."""
    from motia.settings.data_dir import make_data_folders
    from motia.settings.runtime_dir import runtime_dir
    from motia.supervisor.listeners import open_project
    from motia.supervisor.lock import SupervisorLock

    directory = runtime_dir(settings)
    lock = SupervisorLock(directory)
    after_kill = lock.take(settings.project_dir)
    try:
        make_data_folders(settings)
        listeners = open_project(settings, directory, after_kill=after_kill)
        try:
            lock.tell(port=listeners.port("api"))
            yield listeners, directory
        finally:
            listeners.close()
    finally:
        lock.release()
