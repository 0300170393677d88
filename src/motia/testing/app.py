"""A whole project in the test's own process: no port, no file, and a clock the test may hold."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from motia import encoding
from motia.app import App
from motia.backends.memory.backend import MemoryBackend
from motia.backends.memory.store import MemoryStore
from motia.backends.memory.tracing import MemoryTraces
from motia.backends.protocol import Otherwise, Then, answered
from motia.core.batch import Batch, Enqueue, RecoverNode
from motia.core.calls import EnqueueRequest
from motia.core.clock import Clock, SystemClock, SystemEntropy
from motia.core.ids import Ids, format_id
from motia.core.message import DeadLetter, QueueDepth
from motia.server.asgi import Asgi
from motia.settings import Settings
from motia.settings.load import load_settings
from motia.testing.clock import ManualClock
from motia.testing.http import Http
from motia.testing.streams import StreamsView
from motia.testing.waiting import expect_event, in_vain, work_left
from motia.tracing.record import Event, LogRecord, Record, SpanRecord

_LIMIT_S = 10.0


class TestApp:
    """A running project for tests.

        async with TestApp("path/to/project") as app:
            answer = await app.http.post("/orders", json={...})
            await app.until_idle()
            assert app.enqueued("order.created")

    With `clock=ManualClock()` nothing that waits for time happens before `await app.advance(seconds)`.
    State and messages live in memory, in `store` if one is given; a project that does not load raises its
    first problem.
    """

    __test__ = False  # not a test class, whatever its name says to pytest

    def __init__(
        self,
        project_dir: str | Path = ".",
        *,
        clock: Clock | None = None,
        settings: Settings | None = None,
        strict: bool = True,
        store: MemoryStore | None = None,
    ) -> None:
        self.clock = clock or SystemClock()
        loaded = settings or load_settings(Path(project_dir).resolve(), mode="development").settings
        self.settings = loaded.model_copy(update={"strict": strict})
        self._backend = _Recording(Ids(self.clock, SystemEntropy()).message_id(), store or MemoryStore())
        self.traces = MemoryTraces()
        self.app = App(
            self.settings, clock=self.clock, backend=self._backend, sinks=[self.traces], traces=self.traces
        )
        self.http = Http(self._serve)
        self.console = Http(self._serve, listener="workbench")
        """The Workbench's port; `app.app.console_secrets.token` is its bearer token."""
        self.events: list[Event] = []
        self.spans: list[SpanRecord] = []
        self.logs: list[LogRecord] = []
        self._changed = asyncio.Event()

    async def __aenter__(self) -> TestApp:
        self.app.recorder.subscribe(self._note)
        await self.app.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.app.stop()

    async def _serve(self, scope: Any, receive: Any, send: Any) -> None:
        gateway = self.app.gateway
        if gateway is None:
            raise RuntimeError("the app is not started: use `async with TestApp(...) as app`")
        await Asgi(gateway)(scope, receive, send)

    @property
    def state(self) -> StateView:
        """What steps stored: `await app.state.get(scope, key)`."""
        return StateView(self)

    @property
    def streams(self) -> StreamsView:
        """Items of streams, and what subscribers are told: `async with app.streams.follow("chat", "g")`."""
        return StreamsView(lambda: self._backend.streams, lambda: self._engine.streams)

    def enqueued(self, topic: str) -> list[Any]:
        """Payloads put on a topic so far, in order; one for each enqueue, however many steps subscribe.
        Messages sent to a step by its id are found under that id."""
        found = {
            message.id: encoding.decode(message.payload)
            for message in self._backend.messages
            if message.queue.topic == topic or (not message.queue.topic and message.queue.step == topic)
        }
        return list(found.values())

    async def emit(self, topic: str, data: Any = None) -> str:
        """Put a message on a topic, as a step would; its id."""
        engine = self._engine
        messages = await engine.enqueue(EnqueueRequest(data, topic=topic))
        return format_id(messages[0].id) if messages else ""

    async def trigger(self, step: str, data: Any = None) -> str:
        """Put a message for one step; its id."""
        messages = await self._engine.enqueue(EnqueueRequest(data, step=step))
        return format_id(messages[0].id) if messages else ""

    async def call(self, step: str, data: Any = None) -> Any:
        """Run one step now; what it returns, or what it raised."""
        return await self._engine.call_step(step, data)

    async def run_cron(self, step: str) -> str:
        """Fire a cron step whatever its time."""
        schedule = next(one for one in self._engine.schedules.schedules if one.step.name == step)
        message = await self._engine.schedules.fire_now(schedule)
        return format_id(message.id)

    def after_commit(self, listener: Callable[[Batch], None]) -> None:
        """Call `listener` with every batch that was applied."""
        self._backend.after_commit = listener

    def cut_off(self) -> None:
        """From now on nothing that this app writes arrives: as if its process had been killed."""
        self._backend.cut = True

    async def bury(self) -> None:
        """After `cut_off`: what is still written is refused at once, so that nothing waits at the end, and
        no thread is left behind."""
        self._backend.buried = True
        await self.app.stop_recording()

    async def recover_others(self) -> None:
        """Take over from the nodes that were killed on the same store: their messages run again."""
        now_ms = self.clock.now_ms()
        for node, _, _ in await self._backend.queue.nodes():
            if node != self._backend.node:
                recover = RecoverNode(node, None, self.settings.queue.max_crashes, now_ms, b"{}")
                await self._backend.commit(Batch((recover,)))

    async def dead_letters(self) -> list[DeadLetter]:
        """Messages that were given up, the newest first."""
        return await self._backend.queue.dead_letters()

    async def approvals(self) -> list[dict[str, Any]]:
        """What people are asked now: `title`, `message`, `schema`, and the `path` that takes the answer,
        `await app.http.post(asked["path"], json=...)`."""
        found: list[dict[str, Any]] = await self._engine.approvals.open_ones()
        return found

    async def advance(
        self, seconds: float = 0.0, *, minutes: float = 0.0, hours: float = 0.0, days: float = 0.0
    ) -> None:
        """Let time pass on the manual clock, and what it makes due run."""
        if not isinstance(self.clock, ManualClock):
            raise TypeError("advance: expected TestApp(clock=ManualClock()), got the machine's clock")
        await self.clock.advance(seconds + 60 * minutes + 3600 * hours + 86400 * days)

    async def until_idle(self, limit_s: float = _LIMIT_S) -> None:
        """Wait until no message is ready or running. Scheduled ones (delays, retries) are not waited for.

        *Failure*: `TimeoutError` that names what still runs or waits.
        """
        try:
            async with asyncio.timeout(limit_s):
                while True:
                    self._changed.clear()
                    if await self._is_idle():
                        return
                    await self._changed.wait()
        except TimeoutError:
            left = work_left(
                await self._backend.queue.depths(), held_clock=isinstance(self.clock, ManualClock)
            )
            raise TimeoutError(f"until_idle: after {limit_s:g} s {left}") from None

    async def until(self, event: str, *, limit_s: float = _LIMIT_S, **fields: Any) -> Event:
        """The first event of that name whose fields match, of the past or to come.

        *Failure*: `TimeoutError` that tells the latest events of that name; `ValueError` at once for a name
        or a field that no event has.
        """
        expect_event(event, fields)
        came: list[Event] = []
        try:
            async with asyncio.timeout(limit_s):
                while True:
                    came = [found for found in self.events if found.name == event]
                    for found in came:
                        if all(found.fields[key] == value for key, value in fields.items()):
                            return found
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise TimeoutError(f"until: after {limit_s:g} s no {in_vain(event, fields, came)}") from None

    async def _is_idle(self) -> bool:
        consumer = self._engine.consumer
        if consumer.running or consumer.held:
            return False
        depths = await self._backend.queue.depths()
        return not any(depth.ready or depth.claimed or self._starts_soon(depth) for depth in depths)

    def _starts_soon(self, depth: QueueDepth) -> bool:
        """Something waits for others of its key to end. What waits for a rate waits for time."""
        entry = self._engine.registry.queues.get(depth.queue)
        return depth.limited > 0 and entry is not None and entry.policy.rate_limit is None

    @property
    def _engine(self) -> Any:
        assert self.app.engine is not None
        return self.app.engine

    def _note(self, record: Record) -> None:
        if isinstance(record, SpanRecord):
            self.spans.append(record)
        elif isinstance(record, LogRecord):
            self.logs.append(record)
        else:
            self.events.append(record)
        self._changed.set()


class StateView:
    """State, read and written from a test."""

    def __init__(self, app: TestApp) -> None:
        self._app = app

    async def get(self, scope: str, key: str) -> Any:
        """The value, or None."""
        entry = await self._app._backend.state.get(scope, key, self._app.clock.now_ms())
        return None if entry is None else encoding.decode(entry.value)

    async def entries(self, scope: str) -> dict[str, Any]:
        """All keys of a scope."""
        found = await self._app._backend.state.entries(scope, self._app.clock.now_ms())
        return {entry.key: encoding.decode(entry.value) for entry in found}


class _Recording(MemoryBackend):
    """The memory backend, which also remembers every message it was given."""

    def __init__(self, node: bytes, store: MemoryStore) -> None:
        super().__init__(store, node)
        self.messages: list[Any] = []
        self.cut = False
        """The node is dead: nothing that it writes arrives any more, and nothing answers it."""
        self.buried = False
        """Its last tasks are being cancelled, and what they write on their way out is, too."""
        self.after_commit: Callable[[Batch], None] = lambda batch: None

    def commit(
        self, batch: Batch, then: Then | None = None, otherwise: Otherwise | None = None
    ) -> asyncio.Future[Any]:
        self.messages += [
            operation.message for operation in batch.operations if isinstance(operation, Enqueue)
        ]
        if self.cut:
            unanswered: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            if self.buried:
                unanswered.cancel()
            return unanswered
        committed = super().commit(batch)
        result: Any = committed.exception() or committed.result()
        self.after_commit(batch)
        # Whoever was cut off by this very batch does not hear of it.
        return asyncio.get_running_loop().create_future() if self.cut else answered(result, then, otherwise)
