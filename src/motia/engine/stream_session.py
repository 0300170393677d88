"""One connection's subscriptions: what it may follow, follows, and stops following."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

from motia.core.occurrence import Request
from motia.core.step import StreamDefinition
from motia.errors import MotiaError
from motia.streams.access import Denied
from motia.streams.hub import Subscription
from motia.streams.messages import (
    ACCESS_DENIED,
    BAD_MESSAGE,
    LIMIT_REACHED,
    UNAVAILABLE,
    BadMessage,
    Burst,
    Envelope,
    Frame,
    Join,
    Leave,
    Ping,
    parse_message,
    pong,
)

if TYPE_CHECKING:
    from motia.engine.engine import Engine
    from motia.engine.streams import Streams

Place = tuple[str, str, str | None]
_MOST_WAITING = 64
"""Messages of a client that wait before its connection is asked to read no more."""
_MOST_BAD = 20


class Connection(Protocol):
    """The transport of a session. Nothing waits, nothing raises."""

    def tell(self, frame: Frame | Burst) -> None: ...

    def hold(self, full: bool) -> None:
        """Read no more from the client, or read on."""
        ...

    def end(self, code: int, reason: str) -> None:
        """Say why, and close."""
        ...


class _Followed:
    """One place that a connection follows, under one or more of the client's subscription ids."""

    __slots__ = ("definition", "ids", "subscription")

    def __init__(self, definition: StreamDefinition, subscription: Subscription) -> None:
        self.definition = definition
        self.subscription = subscription
        self.ids: set[str] = set()


class Session:
    """The messages of one client are dealt with one after the other, in the order in which they came."""

    def __init__(self, engine: Engine, connection: Connection, request: Request, context: Any) -> None:
        self._engine = engine
        self._streams: Streams = engine.streams
        self._connection = connection
        self._request = request
        self._context = context
        self._followed: dict[Place, _Followed] = {}
        self._waiting: deque[bytes] = deque()
        self._work: asyncio.Task[None] | None = None
        self._again: asyncio.Task[None] | None = None
        self._suspended = False
        self._closed = False
        self._bad = 0
        self._streams.sessions.add(self)

    @property
    def has_rules(self) -> bool:
        """Whether a right of this client may be withdrawn."""
        if self._streams.gate.authenticates:
            return True
        return any(
            one.definition.can_access or one.definition.join_roles is not None
            for one in self._followed.values()
        )

    @property
    def follows(self) -> bool:
        """Whether it follows anything."""
        return bool(self._followed)

    def receive(self, text: bytes) -> None:
        """A message of the client."""
        if self._closed:
            return
        self._waiting.append(text)
        if len(self._waiting) == _MOST_WAITING:
            self._connection.hold(True)
        if self._work is None:
            self._work = asyncio.ensure_future(self._handle_all())

    async def _handle_all(self) -> None:
        try:
            while self._waiting and not self._closed:
                text = self._waiting.popleft()
                if len(self._waiting) == _MOST_WAITING // 2:
                    self._connection.hold(False)
                await self._handle(text)
        finally:
            self._work = None

    async def _handle(self, text: bytes) -> None:
        try:
            message = parse_message(text)
        except BadMessage as error:
            self._refuse("", "", None, BAD_MESSAGE, str(error))
            self._bad += 1
            if self._bad >= _MOST_BAD:
                self._connection.end(1008, "too many messages that make no sense")
            return
        if isinstance(message, Ping):
            self._connection.tell(pong(message))
        elif isinstance(message, Join):
            await self.join(message)
        else:
            await self._leave(message)

    async def join(self, message: Join) -> bool:
        """Follow a place, if this client may; whether it does. It is told either way."""
        place = (message.stream, message.group, message.id)
        definition = self._streams.open_definition(message.stream)
        denied = f"stream {message.stream!r}: there is none, or you may not follow it"
        gate, context = self._streams.gate, self._context
        if definition is None or not await gate.may_follow(definition, message.group, message.id, context):
            self._refuse(*place, ACCESS_DENIED, denied)
            return False
        if (
            sum(len(one.ids) for one in self._followed.values())
            >= self._engine.settings.streams.subscriptions
        ):
            self._refuse(*place, LIMIT_REACHED, "this connection follows as much as it may")
            return False
        if not await gate.joins(definition, message.group, message.id, message.subscription, context):
            self._refuse(*place, ACCESS_DENIED, denied)
            return False
        if self._closed:
            await gate.left(definition, message.group, message.id, message.subscription, context)
            return False
        followed = self._followed.get(place)
        if followed is None:
            subscription = Subscription(self._connection, *place, message.extended)
            followed = self._followed[place] = _Followed(definition, subscription)
        followed.ids.add(message.subscription)
        subscription = followed.subscription
        subscription.extended = subscription.extended or message.extended
        self._streams.hub.leave(subscription)
        self._tell("stream.joined", place)
        subscription.version = message.since
        return self._suspended or await self._follow(followed, place)

    async def _follow(self, followed: _Followed, place: Place) -> bool:
        try:
            await self._streams.hub.follow(followed.subscription, followed.subscription.version)
        except MotiaError as error:
            self._engine.report(f"stream {place[0]}: a subscriber could not be served: {error}")
            self._followed.pop(place, None)
            self._refuse(*place, UNAVAILABLE, "try again later")
            await self._left(followed.definition, place, followed.ids)
            return False
        return True

    async def _leave(self, message: Leave) -> None:
        place = (message.stream, message.group, message.id)
        followed = self._followed.get(place)
        if followed is None or message.subscription not in followed.ids:
            return
        followed.ids.discard(message.subscription)
        if not followed.ids:
            del self._followed[place]
            self._streams.hub.leave(followed.subscription)
        await self._left(followed.definition, place, {message.subscription})

    async def _left(self, definition: StreamDefinition, place: Place, ids: set[str]) -> None:
        self._tell("stream.left", place)
        for id_ in ids:
            await self._streams.gate.left(definition, place[1], place[2], id_, self._context)

    async def recheck(self) -> None:
        """Ask again what this client may follow; of what it may not any more, it is told nothing more."""
        gate = self._streams.gate
        try:
            self._context = await gate.admit(self._request)
        except Denied as error:
            if not self._closed:
                self._connection.end(1008, str(error))
            return
        for place, followed in list(self._followed.items()):
            definition = followed.definition
            if definition.can_access is None and definition.join_roles is None:
                continue
            if await gate.may_follow(definition, place[1], place[2], self._context):
                continue
            if self._followed.get(place) is followed:
                self._followed.pop(place)
                self._streams.hub.leave(followed.subscription)
                self._refuse(*place, ACCESS_DENIED, f"stream {place[0]!r}: you may not follow it any more")
                await self._left(definition, place, followed.ids)

    # A client that does not read --------------------------------------------------------------------

    def suspend(self) -> None:
        """Tell this client nothing more for now."""
        self._suspended = True
        for followed in self._followed.values():
            self._streams.hub.leave(followed.subscription)

    def resume(self) -> None:
        """Tell it what it has missed, and then everything again."""
        if self._suspended and not self._closed:
            self._suspended = False
            self._again = asyncio.ensure_future(self._follow_all())

    async def _follow_all(self) -> None:
        for place, followed in list(self._followed.items()):
            if self._suspended or self._closed:
                return
            if self._followed.get(place) is followed:
                await self._follow(followed, place)

    def close(self) -> None:
        """The connection is over. Safe twice."""
        if self._closed:
            return
        self._closed = True
        self._streams.sessions.discard(self)
        self._waiting.clear()
        if self._again is not None:
            self._again.cancel()
        followed, self._followed = self._followed, {}
        for one in followed.values():
            self._streams.hub.leave(one.subscription)
        if followed:
            self._engine.background(self._leave_all(followed))

    async def _leave_all(self, followed: dict[Place, _Followed]) -> None:
        for place, one in followed.items():
            await self._left(one.definition, place, one.ids)

    # Telling ----------------------------------------------------------------------------------------

    def _refuse(self, stream: str, group: str, id_: str | None, code: str, message: str) -> None:
        now_ms = self._engine.clock.now_ms()
        self._connection.tell(Envelope(stream, group).error(code, message, now_ms, id_))
        if code == ACCESS_DENIED:
            self._tell("stream.denied", (stream, group, id_))

    def _tell(self, event: str, place: Place) -> None:
        if self._engine.recorder.listened:
            self._engine.recorder.event(event, stream=place[0], group=place[1], id=place[2])
