"""Composition root: builds a node's application from its settings, and takes it through its life."""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from functools import cached_property
from pathlib import Path
from typing import Any

from motia.adapters import approval_links, node_storage, open_traces, preload, trace_sinks, watch_logs
from motia.backends.liveness import OneNode
from motia.backends.protocol import Backend
from motia.core.clock import Clock, Entropy, SystemClock, SystemEntropy
from motia.core.ids import Ids
from motia.core.registry import Registry
from motia.core.step import Source
from motia.core.trigger import FunctionId
from motia.core.wording import counted
from motia.discovery.project import Discovered
from motia.engine.engine import Engine
from motia.engine.http_dispatch import build_router
from motia.errors import DefinitionError, MotiaError, SettingsError
from motia.http.cors import Cors
from motia.http.problem import problem
from motia.http.response import HttpResponse, to_response
from motia.http.static_site import StaticSite
from motia.loading import LoadedProject, ProjectLoader
from motia.runtimes.protocol import Runtime
from motia.runtimes.python.output import capture_output, restore_output
from motia.runtimes.python.runtime import PythonRuntime
from motia.server.app_gateway import AppGateway, ConsolePort
from motia.server.approval_pages import ApprovalEndpoint
from motia.server.banner import banner
from motia.server.builtin import builtin_routes
from motia.server.control import control_endpoint
from motia.server.disk_floor import DiskFloor
from motia.server.sockets import Sockets
from motia.settings import Settings
from motia.settings.runtime_dir import runtime_dir
from motia.tracing.packing import Packer
from motia.tracing.prometheus import CONTENT_TYPE as PROMETHEUS_TYPE
from motia.tracing.prometheus import exposition
from motia.tracing.recorder import Recorder
from motia.tracing.redaction import Redactor, known_secrets
from motia.tracing.store import RecordSink, TraceStore
from motia.tracing.writer import TraceWriter
from motia.typegen.files import write_types


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
        self._writer: TraceWriter | None = None
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
        self.sockets: Sockets | None = None
        self._stack = AsyncExitStack()
        self._draining = False
        self._closing = asyncio.Event()
        self._disk: DiskFloor | None = None

    @staticmethod
    def preload() -> None:
        """Import the adapters that a start picks by the settings."""
        preload()

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

    async def stop_recording(self) -> None:
        """Hand over what was recorded, and end the thread that does so; for a life that is not stopped."""
        if self._writer is not None:
            await self._writer.stop()

    async def _start(self, settings: Settings) -> None:
        redactor = Redactor(settings.tracing.redact, secrets=known_secrets(os.environ))
        writer = await self._start_recording(settings, redactor)
        self._loader = loader = ProjectLoader(
            settings,
            self._clock,
            self.recorder,
            node=self._node_id.hex(),
            worker_sockets=self._worker_sockets,
            on_change=self._reload_soon,
            running=self.running,
        )
        self._stack.push_async_callback(loader.stop)
        self.runtimes = loader.runtimes
        loaded = await loader.load()
        self.discovered, problems = loaded.discovered, loaded.problems
        if problems and settings.strict:
            raise SettingsError(
                f"{counted(len(problems), 'broken step')}, the first: {problems[0]}",
                code="project.broken",
                hint="`motia steps` lists them all; mend them, or start without --strict",
            )
        self.problems = problems
        self._write_types(self.discovered.registry)
        if self._given_backend is None:
            backend, liveness, lock_path = node_storage(settings, self._node_id, self._stack.callback)
        else:
            backend, liveness, lock_path = self._given_backend, OneNode(), ""
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
            redactor=redactor,
            clock=self._clock,
            entropy=self._entropy,
            node_id=self._node_id,
            pid=os.getpid(),
            flush_traces=writer.flush,
            approval_links=approval_links(settings, in_memory=self._given_backend is not None),
            stream_auth=self._stream_auth(self.discovered),
        )
        capture_output()
        self._stack.callback(restore_output)
        engine = self.engine
        await engine.start()
        self._stack.push_async_callback(engine.stop)
        self.sockets = Sockets(engine)
        await self.sockets.start()
        self._stack.push_async_callback(self.sockets.stop)
        self._disk = DiskFloor(
            settings.project_dir / settings.data_dir,
            settings.limits.min_free_disk_bytes,
            self._clock,
            report=lambda message: engine.report(message, "error"),
        )
        self._disk.start()
        self._stack.callback(self._disk.stop)
        if self._given_backend is None and self.slot == 0:
            logs = watch_logs(settings, self._clock, engine.report)
            logs.start()
            self._stack.callback(logs.stop)
        self.gateway = await self._open_gateway(engine, self.discovered)

    async def _start_recording(self, settings: Settings, redactor: Redactor) -> TraceWriter:
        writer = TraceWriter(
            self.recorder,
            Packer(redactor, payload_bytes=settings.tracing.payload_bytes),
            trace_sinks(settings, self._clock, self._node_id, self._warn)
            if self._given_sinks is None
            else self._given_sinks,
            now_ms=self._clock.now_ms,
        )
        await writer.start()
        self._writer = writer
        self._stack.push_async_callback(writer.stop)
        return writer

    async def _open_gateway(self, engine: Engine, discovered: Discovered) -> AppGateway:
        assert self.sockets is not None
        disk = self._disk
        assert disk is not None
        settings = self.settings
        development = settings.mode == "development"
        cors = None
        if development or settings.cors.origins:
            cors = Cors(settings.cors, allow_loopback=development)
        return AppGateway(
            build_router(engine),
            cors=cors,
            builtin=builtin_routes(settings, discovered.registry, ready=self._ready, metrics=self._metrics),
            control=control_endpoint(engine),
            site=StaticSite(settings.project_dir / settings.web_dir),
            full=lambda: disk.full,
            console=await self._console(engine, discovered) if settings.workbench.enabled else None,
            report=lambda message: engine.report(message, "error"),
            sockets=self.sockets,
            broken=[f"{one.path}:{one.line}" for one in discovered.problems] if development else (),
            approval=lambda raw_path: ApprovalEndpoint(
                engine.approvals, raw_path, settings.limits.message_bytes
            ),
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

    def _warn(self, line: str) -> None:
        self.recorder.log("warning", line, step="motia")

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
        self.engine.streams.gate.authenticate = self._stream_auth(loaded.discovered)
        self.gateway.become(await self._open_gateway(self.engine, self.discovered))

    def _stream_auth(self, discovered: Discovered) -> tuple[Source, FunctionId] | None:
        """Who says whether a client may follow streams: a function of `app.py`, else of `motia.config`."""
        for file in (discovered.app_file, self.settings.project_dir.resolve() / "motia.config.py"):
            if file is None or not file.is_file():
                continue
            function = self._loader.python.load_stream_auth(file)
            if function is not None:
                return Source(path=file.name, line=1), function
        return discovered.stream_auth

    async def _console(self, engine: Engine, discovered: Discovered) -> ConsolePort:
        # Imported here: a node without a console does not need it.
        from motia.workbench.opening import open_console
        from motia.workbench.plugins import load_plugins
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
            plugins=load_plugins(self.settings, lambda line: engine.report(line, "error")),
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

    async def _enter_lifespan(self, python: PythonRuntime, app_file: Path) -> None:
        """Open the project's shared resources: `lifespan` of `app.py`, an async context manager."""
        lifespan = python.load_lifespan(app_file)
        if lifespan is None:
            return
        try:
            manager = lifespan(self) if inspect.signature(lifespan).parameters else lifespan()
            if not isinstance(manager, AbstractAsyncContextManager):
                if inspect.iscoroutine(manager):
                    manager.close()
                raise DefinitionError(
                    f"lifespan: expected an async context manager, got {type(manager).__name__}",
                    code="lifespan.not_a_context_manager",
                    path=app_file.name,
                    line=getattr(getattr(lifespan, "__code__", None), "co_firstlineno", 1),
                    hint="decorate it with contextlib.asynccontextmanager, and `yield` once",
                )
            await self._stack.enter_async_context(manager)
        except MotiaError:
            raise
        except Exception as error:
            raise python.lifespan_problem(error, app_file) from error

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
        store = open_traces(self.settings)
        self._stack.push_async_callback(store.aclose)
        return store

    def _ready(self) -> HttpResponse:
        if self._draining:
            return problem(503, code="node.draining", detail="this node is being replaced or stopped")
        for runtime in self.runtimes.values():
            if runtime.unready is not None:
                return problem(503, code="worker.unavailable", detail=runtime.unready)
        return to_response({"status": "ready"})

    async def drain(self) -> None:
        """Take nothing new and wait for what runs; what does not end within `drain_s` is given back."""
        self._draining = True
        self._closing.set()
        if self.engine is not None and self.sockets is not None:
            await asyncio.gather(self.engine.drain(), self.sockets.drain())

    async def stop(self) -> None:
        """Stop the services and close the storage. Safe twice and after a failed `start`."""
        await self._stack.aclose()

    def banner(self) -> dict[str, Any]:
        """What the person at the terminal wants to know."""
        assert self.discovered is not None
        assert self.engine is not None
        return banner(
            self.discovered.registry,
            self.engine.schedules.schedules,
            self.problems,
            self.discovered.notices,
            now_ms=self._clock.now_ms(),
        )

    def running(self) -> Mapping[str, Sequence[str]]:
        """Names of the steps being executed, by language."""
        found: dict[str, list[str]] = {}
        for execution in list(self.engine.deadlines.running) if self.engine is not None else ():
            step = execution.invocation.step
            found.setdefault(step.source.language, []).append(step.name)
        return found

    def worn(self) -> str | None:
        """Why this node should be replaced; None while all is well."""
        if self.engine is None:
            return None
        runtimes = [runtime.worn for runtime in self.runtimes.values()]
        return next(filter(None, (self.backend.worn, self.engine.worn, *runtimes)), None)

    def node_died(self, pid: int) -> None:
        """Another node is dead: look for its messages at once."""
        if self.engine is not None:
            self.engine.rescuer.look_now()
