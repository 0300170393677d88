"""Composition root: builds a node's application from its settings. The only place that names adapters."""

from __future__ import annotations

import asyncio
import inspect
import os
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from motia.backends.liveness import Liveness, OneNode
from motia.backends.protocol import Backend
from motia.core.batch import Batch, Enqueue
from motia.core.calls import EnqueueRequest
from motia.core.clock import Clock, Entropy, SystemClock, SystemEntropy, Timer
from motia.core.ids import Ids
from motia.core.message import MessageId, NewMessage, QueueName, TraceContext
from motia.core.registry import Registry
from motia.core.step import Source
from motia.core.trigger import FunctionId
from motia.cron.expression import CronError, parse
from motia.discovery.project import Discovered
from motia.engine.engine import Engine
from motia.engine.enqueue import fan_out
from motia.engine.http_dispatch import build_router
from motia.errors import InputError, SettingsError
from motia.http.cors import Cors
from motia.http.docs import docs_response
from motia.http.openapi import openapi
from motia.http.problem import problem
from motia.http.response import HttpResponse, to_response
from motia.http.static_site import StaticSite
from motia.loading import LoadedProject, ProjectLoader
from motia.runtimes.protocol import Runtime
from motia.runtimes.python.output import capture_output, restore_output
from motia.runtimes.python.runtime import PythonRuntime
from motia.server.app_gateway import AppGateway, ConsolePort
from motia.server.control import control_endpoint
from motia.server.sockets import Sockets
from motia.settings import Settings
from motia.settings.database import locate_database
from motia.settings.runtime_dir import runtime_dir
from motia.tracing.console import ConsolePrinter
from motia.tracing.packing import Packer
from motia.tracing.prometheus import CONTENT_TYPE as PROMETHEUS_TYPE
from motia.tracing.prometheus import exposition
from motia.tracing.recorder import Recorder
from motia.tracing.redaction import Redactor, known_secrets
from motia.tracing.store import RecordSink, TraceStore
from motia.tracing.writer import TraceWriter
from motia.typegen.files import write_types

if TYPE_CHECKING:
    from motia.workbench.hooks import Plugin

TRACE_FILE = "trace.db"
_DISK_LOOK_S = 1.0
_CHOSEN_BY_SETTINGS = (
    "motia.backends.sqlite.backend",
    "motia.backends.sqlite.liveness",
    "motia.backends.sqlite.tracing",
    "motia.backends.sqlite.tracing_reads",
    "motia.workbench.api",
    "motia.workbench.console",
    "motia.workbench.workspace",
)


class App:
    """One node: a loaded project that answers requests and runs messages.

    `backend` and `clock` are given by tests; by default the settings choose. See `server.node_app.NodeApp`
    for the order in which the methods are called.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        slot: int = 0,
        beat: Callable[[], None] | None = None,
        clock: Clock | None = None,
        entropy: Entropy | None = None,
        backend: Backend | None = None,
        sinks: Sequence[RecordSink] | None = None,
        traces: TraceStore | None = None,
        worker_sockets: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.settings = settings
        self.slot = slot
        self._clock = clock or SystemClock()
        self._entropy = entropy or SystemEntropy()
        self._node_id = Ids(self._clock, self._entropy).message_id()
        self._given_backend = backend
        self._given_sinks = sinks
        self._given_traces = traces
        self._console_begun = False
        self.recorder = Recorder(self._clock.now_ms)
        self.engine: Engine | None = None
        self.discovered: Discovered | None = None
        self.runtimes: dict[str, Runtime] = {}
        self.gateway: AppGateway | None = None
        """Answers requests once `start` is through."""
        self._worker_sockets = worker_sockets
        """Of the supervisor's workers, by kind; None = this node starts its own."""
        self._sockets: Sockets | None = None
        self._stack = AsyncExitStack()
        self._draining = False
        self._closing = asyncio.Event()
        self._disk_full = False
        self._disk_timer: Timer | None = None

    @staticmethod
    def preload() -> None:
        """Import the adapters that a start picks by the settings."""
        for name in _CHOSEN_BY_SETTINGS:
            import_module(name)

    async def start(self) -> None:
        """Load the project, open its storage, and begin to run messages.

        *Failure*: `SettingsError`, `BackendError`; with `settings.strict` the first `DefinitionError`.
        """
        settings = self.settings
        try:
            await self._start(settings)
        except BaseException:
            await self.stop()
            raise

    async def _start(self, settings: Settings) -> None:
        writer = TraceWriter(
            self.recorder,
            Packer(
                Redactor(settings.tracing.redact, secrets=known_secrets(os.environ)),
                payload_bytes=settings.tracing.payload_bytes,
            ),
            self._sinks(),
            now_ms=self._clock.now_ms,
        )
        await writer.start()
        self._stack.push_async_callback(writer.stop)
        self._loader = loader = ProjectLoader(
            settings,
            self._clock,
            self.recorder,
            node=self._node_id.hex(),
            check_cron=check_cron(settings),
            worker_sockets=self._worker_sockets,
            on_change=self._reload_soon,
        )
        self._stack.push_async_callback(loader.stop)
        self.runtimes = loader.runtimes
        loaded = await loader.load()
        self.discovered, problems = loaded.discovered, loaded.problems
        if problems and settings.strict:
            raise SettingsError(
                f"{len(problems)} broken steps, the first: {problems[0]}",
                code="project.broken",
                hint="mend them, or start without --strict",
            )
        self.problems = problems
        self._write_types(self.discovered.registry)
        backend, liveness, lock_path = self._storage()
        await backend.open()
        self._stack.push_async_callback(backend.close)
        self.backend = backend
        if self.discovered.app_file is not None:
            await self._enter_lifespan(loader.python, self.discovered.app_file)
        self.engine = Engine(
            registry=self.discovered.registry,
            backend=backend,
            liveness=liveness,
            lock_path=lock_path,
            runtimes=self.runtimes,
            settings=settings,
            recorder=self.recorder,
            clock=self._clock,
            entropy=self._entropy,
            node_id=self._node_id,
            pid=os.getpid(),
            flush_traces=writer.flush,
            stream_auth=_stream_auth(loader.python, settings.project_dir, self.discovered.app_file),
        )
        capture_output()
        self._stack.callback(restore_output)
        engine = self.engine
        await engine.start()
        self._stack.push_async_callback(engine.stop)
        self._sockets = Sockets(engine)
        await self._sockets.start()
        self._stack.push_async_callback(self._sockets.stop)
        self.gateway = await self._open_gateway(engine, self.discovered)
        self._look_at_disk()

    async def _open_gateway(self, engine: Engine, discovered: Discovered) -> AppGateway:
        assert self._sockets is not None
        settings = self.settings
        development = settings.mode == "development"
        cors = None
        if development or settings.cors.origins:
            cors = Cors(settings.cors, allow_loopback=development)
        return AppGateway(
            build_router(engine),
            cors=cors,
            builtin=self._builtin(development),
            control=control_endpoint(engine),
            site=StaticSite(settings.project_dir / settings.web_dir),
            full=lambda: self._disk_full,
            console=await self._console(engine, discovered) if settings.workbench.enabled else None,
            report=lambda message: engine.report(message, "error"),
            sockets=self._sockets,
        )

    async def reload_workers(self, sockets: Mapping[str, Sequence[str]]) -> None:
        """Serve the steps of other languages as they are now, by the workers at `sockets`. Those of Python
        and every request that runs go on undisturbed."""
        await self._take_over(await self._loader.load_from(sockets))

    def _reload_soon(self) -> None:
        """A worker came back with other steps than before."""
        if self.engine is not None:
            self.engine.background(self._reload())

    async def _reload(self) -> None:
        await self._take_over(await self._loader.load())

    def _write_types(self, registry: Registry) -> None:
        """For editors, where somebody develops: by one node of those that a supervisor runs."""
        if self.settings.mode != "development" or self._worker_sockets is None or self.slot != 0:
            return
        try:
            write_types(registry, self.settings.project_dir)
        except OSError as error:
            self.recorder.log("warning", f"the types of the steps were not written: {error}", step="")

    async def _take_over(self, loaded: LoadedProject) -> None:
        if self.engine is None or self.gateway is None:
            return
        self.discovered, self.problems = loaded.discovered, loaded.problems
        self._write_types(loaded.discovered.registry)
        self.engine.replace_registry(loaded.discovered.registry)
        self.gateway.become(await self._open_gateway(self.engine, self.discovered))

    def _sinks(self) -> Sequence[RecordSink]:
        if self._given_sinks is not None:
            return self._given_sinks
        settings = self.settings
        development = settings.mode == "development"
        sinks: list[RecordSink] = [
            ConsolePrinter(
                sys.__stdout__ or sys.stdout,
                json_lines=settings.log.json_lines
                if settings.log.json_lines is not None
                else not development,
                colour=development and sys.stdout.isatty() and "NO_COLOR" not in os.environ,
                level=settings.log.level or ("debug" if development else "info"),
            )
        ]
        if settings.tracing.enabled:
            from motia.backends.sqlite.tracing import SqliteTraceSink

            path = settings.project_dir / settings.data_dir / TRACE_FILE
            _make_folder(path.parent)
            sinks.append(SqliteTraceSink(path, max_bytes=settings.tracing.max_bytes))
        if settings.tracing.enabled and settings.tracing.otlp_endpoint is not None:
            sinks.append(self._otlp_sink(settings.tracing.otlp_endpoint))
        return sinks

    def _plugins(self, engine: Engine) -> Sequence[Plugin]:
        """Those that load; of one that does not the operator is told, and the rest goes on."""
        from motia.workbench.plugins import load_plugin

        found: dict[str, Plugin] = {}
        for name in self.settings.workbench.plugins:
            try:
                plugin = load_plugin(self.settings.project_dir, name, found)
                found[plugin.name] = plugin
            except SettingsError as error:
                engine.report(str(error), "error")
        return list(found.values())

    def _otlp_sink(self, endpoint: str) -> RecordSink:
        from motia.tracing.otlp import OtlpSink

        name = os.environ.get("OTEL_SERVICE_NAME", self.settings.project_dir.name)
        return OtlpSink(
            endpoint,
            resource={"service.name": name, "service.instance.id": self._node_id.hex()},
            report=lambda line: self.recorder.log("warning", line, step="motia"),
            now_s=self._clock.monotonic_s,
            now_ms=self._clock.now_ms,
        )

    async def _console(self, engine: Engine, discovered: Discovered) -> ConsolePort:
        # Imported here: a node without a console does not need it.
        from motia.workbench.opening import open_console
        from motia.workbench.workspace import Workspace

        if not self._console_begun:
            self._console_begun = True
            await self._begin_console(engine)
        workspace = Workspace(
            settings=self.settings,
            engine=engine,
            discovered=discovered,
            problems=self.problems,
            traces=self.traces,
            boot_id=self._node_id.hex(),
            plugins=self._plugins(engine),
            closing=self._closing,
        )
        return open_console(workspace, self.console_secrets)

    async def _begin_console(self, engine: Engine) -> None:
        """What a console needs for as long as the node lives."""
        from motia.workbench.sampler import DepthSampler
        from motia.workbench.session import ConsoleSecrets, read_secrets

        settings = self.settings
        sampler = DepthSampler(engine.backend, self.traces, self._clock)
        await sampler.start()
        self._stack.push_async_callback(sampler.stop)
        # Whoever started this node has made the secrets; a node without a starter is a test's.
        held = read_secrets(runtime_dir(settings)) if self._given_backend is None else None
        self.console_secrets = held or ConsoleSecrets.fresh(settings.workbench.password)

    def _storage(self) -> tuple[Backend, Liveness, str]:
        if self._given_backend is not None:
            return self._given_backend, OneNode(), ""
        location = locate_database(self.settings)
        if location.path is None:
            return open_backend(self.settings, node_id=self._node_id), OneNode(), ""
        from motia.backends.sqlite.liveness import Liveness as LockFile

        slots = self.settings.queue.concurrency + 8
        _make_folder(location.path.parent)
        lock = LockFile(location.path.parent / "nodes", self._node_id, slots=slots)
        self._stack.callback(lock.close)
        return (
            open_backend(self.settings, node_id=self._node_id, wake_others=True),
            lock,
            str(lock.path),
        )

    async def _enter_lifespan(self, python: PythonRuntime, app_file: Path) -> None:
        """Open the project's shared resources: `lifespan` of `app.py`, an async context manager."""
        lifespan = python.load_lifespan(app_file)
        if lifespan is None:
            return
        manager = lifespan(self) if inspect.signature(lifespan).parameters else lifespan()
        await self._stack.enter_async_context(manager)

    def _builtin(self, development: bool) -> dict[str, Callable[[], HttpResponse]]:
        registry = self.discovered.registry if self.discovered else None
        assert registry is not None
        made: dict[str, Any] = {}

        def document() -> dict[str, Any]:
            if "openapi" not in made:
                made["openapi"] = openapi(registry, title=self.settings.project_dir.name, version="1")
            found: dict[str, Any] = made["openapi"]
            return found

        routes: dict[str, Callable[[], HttpResponse]] = {
            "/health": lambda: to_response({"status": "ok"}),
            "/ready": self._ready,
            "/openapi.json": lambda: to_response(document()),
        }
        if self.settings.tracing.prometheus:
            routes["/metrics"] = self._metrics
        if development:
            routes["/docs"] = lambda: docs_response(document(), "/openapi.json")
            # A browser that opens the printed address finds the list of routes, unless the project serves it.
            site = StaticSite(self.settings.project_dir / self.settings.web_dir)
            to_docs = {"status": 307, "headers": {"location": "/docs"}}
            routes["/"] = lambda: site.page("/") or to_response(to_docs)
        return routes

    def _metrics(self) -> HttpResponse:
        async def read() -> AsyncIterator[bytes]:
            rows = await self.traces.totals()
            yield exposition(rows, await self.backend.queue.depths(), self._clock.now_ms()).encode()

        return HttpResponse(200, [(b"content-type", PROMETHEUS_TYPE)], read())

    @cached_property
    def traces(self) -> TraceStore:
        """Reads of traces, logs and counts, of all nodes on this machine."""
        if self._given_traces is not None:
            return self._given_traces
        from motia.backends.sqlite.tracing_reads import SqliteTraceStore

        store = SqliteTraceStore(self.settings.project_dir / self.settings.data_dir / TRACE_FILE)
        self._stack.push_async_callback(store.aclose)
        return store

    def _ready(self) -> HttpResponse:
        if self._draining:
            return problem(503, code="node.draining", detail="this node is being replaced or stopped")
        for runtime in self.runtimes.values():
            if runtime.unready is not None:
                return problem(503, code="worker.unavailable", detail=runtime.unready)
        return to_response({"status": "ready"})

    def _look_at_disk(self) -> None:
        """Below the floor of free space new requests are refused; accepted work goes on."""
        directory = self.settings.project_dir / self.settings.data_dir
        if directory.exists():
            free = shutil.disk_usage(directory).free
            full = free < self.settings.limits.min_free_disk_bytes
            if full and not self._disk_full and self.engine is not None:
                self.engine.report(
                    f"{directory}: {free} bytes free, below limits.min_free_disk_bytes: new requests get 503",
                    "error",
                )
            self._disk_full = full
        self._disk_timer = self._clock.call_later(_DISK_LOOK_S, self._look_at_disk, backstop=True)

    async def drain(self) -> None:
        """Take nothing new and wait for what runs; what does not end within `drain_s` is given back."""
        self._draining = True
        self._closing.set()
        if self.engine is not None and self._sockets is not None:
            await asyncio.gather(self.engine.drain(), self._sockets.drain())

    async def stop(self) -> None:
        """Stop the services and close the storage. Safe twice and after a failed `start`."""
        if self._disk_timer is not None:
            self._disk_timer.cancel()
            self._disk_timer = None
        await self._stack.aclose()

    def banner(self) -> dict[str, Any]:
        """What the person at the terminal wants to know: `lines` to read, `problems`, `notices`, `routes`."""
        assert self.discovered is not None
        assert self.engine is not None
        registry = self.discovered.registry
        now_ms = self._clock.now_ms()
        rows = [
            (trigger.method, trigger.path, step)
            for step in registry.steps.values()
            for trigger in step.triggers
            if trigger.kind == "http"
        ]
        next_runs = [
            (schedule.trigger.expression, schedule.step, schedule.expression.next_after(now_ms))
            for schedule in self.engine.schedules.schedules
        ]
        path_width = max((len(path) for _, path, _ in rows), default=0)
        lines = [f"{len(registry.steps)} steps, {len(self.problems)} broken"]
        lines += [
            f"  {method:<7}{path:<{path_width}}  {step.name}  {step.source}" for method, path, step in rows
        ]
        lines += [
            f"  cron   {expression}  {step.name}  next {_utc(at_ms)}" for expression, step, at_ms in next_runs
        ]
        return {
            "lines": lines,
            "steps": len(registry.steps),
            "routes": [{"method": method, "path": path, "step": step.name} for method, path, step in rows],
            "problems": [f"error: {problem}" for problem in self.problems],
            "notices": [f"warning: {notice}" for notice in self.discovered.notices],
        }

    def running(self) -> Sequence[str]:
        """Names of the steps being executed."""
        if self.engine is None:
            return ()
        return [execution.invocation.step.name for execution in list(self.engine.deadlines.running)]

    def worn(self) -> str | None:
        """Why this node should be replaced; None while all is well."""
        if self.engine is not None and self.engine.worn:
            return self.engine.worn
        return next((runtime.worn for runtime in self.runtimes.values() if runtime.worn), None)

    def node_died(self, pid: int) -> None:
        """Another node is dead: look for its messages at once."""
        if self.engine is not None:
            self.engine.rescuer.look_now()


def _stream_auth(
    python: PythonRuntime, project_dir: Path, app_file: Path | None
) -> tuple[Source, FunctionId] | None:
    """Who says whether a client may follow streams: a function of `app.py`, else of `motia.config.py`."""
    for file in (app_file, project_dir.resolve() / "motia.config.py"):
        if file is not None and file.is_file() and (function := python.load_stream_auth(file)) is not None:
            return Source(path=file.name, line=1), function
    return None


def _utc(at_ms: int | None) -> str:
    if at_ms is None:
        return "never"
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _make_folder(folder: Path) -> None:
    """Where data goes. Failure: `SettingsError` `settings.data_dir`."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise SettingsError(
            f"{folder}: expected to make a folder for data, got {error.strerror}",
            code="settings.data_dir",
            hint="set data_dir to a folder that can be written",
        ) from error


def check_cron(settings: Settings) -> Callable[[str, str | None], str | None]:
    """What is wrong with an expression, for discovery; None when nothing is."""

    def check(expression: str, timezone: str | None) -> str | None:
        try:
            parse(expression, timezone or settings.timezone)
        except CronError as error:
            return str(error)
        return None

    return check


def open_backend(settings: Settings, *, node_id: bytes | None = None, wake_others: bool = False) -> Backend:
    """The backend the settings name, not opened yet.

    A command that only reads or edits data needs no node id of its own and wakes the nodes by the change.
    """
    location = locate_database(settings)
    node = node_id or Ids(SystemClock(), SystemEntropy()).message_id()
    if location.path is None:
        from motia.backends.memory.backend import MemoryBackend
        from motia.backends.memory.store import MemoryStore

        return MemoryBackend(MemoryStore(), node)
    from motia.backends.sqlite.backend import SqliteBackend

    sockets = runtime_dir(settings) / "wake" if wake_others else None
    return SqliteBackend(location.path, node, folder_for_sockets=sockets)


async def discover_project(settings: Settings) -> Discovered:
    """Everything one look at the project finds, without running anything of it."""
    clock = SystemClock()
    loader = ProjectLoader(
        settings, clock, Recorder(clock.now_ms), node="cli", check_cron=check_cron(settings)
    )
    try:
        return (await loader.load()).discovered
    finally:
        await loader.stop()


async def enqueue_from_outside(
    settings: Settings, topic: str, data: Any
) -> tuple[MessageId, list[QueueName]]:
    """Store a message on a topic, whether or not a node runs; gives its id and the queues it went to."""
    return await _store(settings, EnqueueRequest(data, topic=topic))


async def trigger_from_outside(settings: Settings, step: str, data: Any) -> MessageId:
    """Store a message for one step. Failure: `InputError` `step.unknown`."""
    message_id, queues = await _store(settings, EnqueueRequest(data, step=step))
    if not queues:
        raise InputError(
            f"trigger {step!r}: expected the id of a step, got none of this project", code="step.unknown"
        )
    return message_id


async def _store(settings: Settings, request: EnqueueRequest) -> tuple[MessageId, list[QueueName]]:
    discovered = await discover_project(settings)
    clock = SystemClock()
    ids = Ids(clock, SystemEntropy())
    found = fan_out(
        discovered.registry,
        request,
        ids,
        TraceContext(ids.trace_id(), "", 0),
        now_ms=clock.now_ms(),
        max_bytes=settings.limits.message_bytes,
    )
    messages: list[NewMessage] = found.messages
    if messages:
        backend = open_backend(settings, wake_others=True)
        await backend.open()
        try:
            await backend.commit(Batch([Enqueue(message) for message in messages]))
        finally:
            await backend.close()
    return found.id, [message.queue for message in messages]
