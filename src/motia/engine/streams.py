"""The streams of a node: what they are called, who watches them, and the hub that tells their subscribers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from motia import encoding
from motia.core.clock import Timer
from motia.core.message import QueueName
from motia.core.registry import queue_of_trigger
from motia.core.spelling import did_you_mean
from motia.core.step import StreamDefinition
from motia.engine.stream_gate import Gate
from motia.engine.stream_session import Session
from motia.errors import HandlerError
from motia.schemas import Schema, schema_of
from motia.streams.access import INTERNAL_PREFIX
from motia.streams.hub import Hub

if TYPE_CHECKING:
    from motia.engine.engine import Engine

_MOST_NEWS_BYTES = 48 * 1024
"""Of a piece of text that is told to other nodes at once; a longer one they read when it is stored."""


class Streams:
    """A `Service`: tells subscribers of changes, and asks ever so often whether they still may know."""

    def __init__(self, engine: Engine, gate: Gate) -> None:
        self._engine = engine
        self.gate = gate
        self.hub = Hub(engine.backend.streams, engine.clock, engine.report)
        self.sessions: set[Session] = set()
        self._schemas: dict[str, Schema | None] = {}
        self._timer: Timer | None = None
        self._rechecking: asyncio.Task[None] | None = None
        self._recheck_again = False
        self._stopped = True

    async def start(self) -> None:
        if self._stopped:
            self._stopped = False
            self._engine.backend.on_change(self.hub.changed)
            self._engine.backend.on_news(self._hear)
            self._arm()

    async def stop(self) -> None:
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
        if self._rechecking is not None:
            self._rechecking.cancel()
            await asyncio.wait([self._rechecking])
        for session in list(self.sessions):
            session.close()
        await self.hub.stop()

    # What there is ----------------------------------------------------------------------------------

    def definition(self, name: str) -> StreamDefinition:
        """The stream of that name. Failure: `HandlerError` `streams.unknown`."""
        streams = self._engine.registry.streams
        found = streams.get(name)
        if found is None:
            raise HandlerError(
                f"stream {name!r}: expected one that the project declares:"
                f" {', '.join(streams) or 'it declares none'}",
                code="streams.unknown",
                hint=did_you_mean(str(name), streams, f"declare it in steps/{name}_stream.py"),
                retryable=False,
            )
        return found

    def open_definition(self, name: str) -> StreamDefinition | None:
        """The stream, if clients of the application may ever follow it."""
        return None if name.startswith(INTERNAL_PREFIX) else self._engine.registry.streams.get(name)

    def schema(self, name: str) -> Schema | None:
        """What the items of a stream must fit; None = anything."""
        if name not in self._schemas:
            self._schemas[name] = schema_of(self.definition(name).schema)
        return self._schemas[name]

    def queues_watching(self, stream: str, group: str, id_: str | None) -> Sequence[QueueName]:
        """Queues of the stream triggers that a change of this item runs."""
        return [
            queue_of_trigger(step, index)
            for step, index, trigger in self._engine.registry.stream_triggers.get(stream, ())
            if trigger.group_id in (None, group) and trigger.item_id in (None, id_)
        ]

    # Pieces of text ---------------------------------------------------------------------------------

    def tell_delta(self, stream: str, group: str, id_: str, event: bytes) -> None:
        """Tell subscribers on every node of an event that is in no log."""
        self.hub.tell_delta(stream, group, id_, event)
        news = encoding.encode([stream, group, id_, event.decode()])
        if len(news) <= _MOST_NEWS_BYTES:
            self._engine.backend.tell_nodes(news)

    def _hear(self, news: bytes) -> None:
        stream, group, id_, event = encoding.decode(news)
        self.hub.tell_delta(stream, group, id_, event.encode())

    # Withdrawn rights -------------------------------------------------------------------------------

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if not self._stopped:
            self._timer = self._engine.clock.call_later(
                self._engine.settings.streams.recheck_s, self._recheck, backstop=True
            )

    def _recheck(self) -> None:
        """Ask again at a steady pace: one that lasts longer than the pause is followed by another at once."""
        self._arm()
        if self._rechecking is not None:
            self._recheck_again = True
            return
        due = [session for session in self.sessions if session.has_rules]
        if due:
            self._rechecking = asyncio.ensure_future(self._recheck_all(due))

    async def _recheck_all(self, due: Sequence[Session]) -> None:
        try:
            # Each has its own time limit; one that hangs must not keep the others from being asked.
            await asyncio.gather(*(session.recheck() for session in due))
        finally:
            self._rechecking = None
        if self._recheck_again and not self._stopped:
            self._recheck_again = False
            self._recheck()
