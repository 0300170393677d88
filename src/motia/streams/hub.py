"""Who is told of a change: the subscribers of this node, from the change log that all nodes share.

Every change, of this node or of another, is read from the log in commit order; a subscriber first gets what
is there at some version, then every change after it (R10).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from motia.core.clock import Clock
from motia.core.stream import LoggedChange
from motia.errors import MotiaError
from motia.streams.messages import RESUMED, Burst, Envelope, Frame
from motia.streams.store import StreamStore

_PAGE = 500
_MOST_MISSED = 1000
"""Changes that are sent one by one to a subscriber that comes back; who missed more gets a snapshot."""
_MOST_KEPT = 2000
"""Changes kept for a subscriber while its snapshot is read."""
_MOST_KEPT_SYNC_BYTES = 1024 * 1024
_TOLD_BEFORE_YIELD = 5000
_RETRY_S = 0.25


class Subscriber(Protocol):
    """A connection. `tell` must not wait and must not raise."""

    def tell(self, frame: Frame | Burst) -> None: ...


class Subscription:
    """One connection that follows one group, or one item of it."""

    __slots__ = ("again", "extended", "id", "kept", "place", "subscriber", "version")

    def __init__(
        self, subscriber: Subscriber, stream: str, group: str, id: str | None, extended: bool
    ) -> None:
        self.subscriber = subscriber
        self.place = (stream, group)
        self.id = id
        self.extended = extended
        self.version: int | None = None
        """What the subscriber has; while it is live, its room knows better."""
        self.kept: list[Frame] | None = None
        """What happened since it asked, until it has its snapshot."""
        self.again = False
        """Its snapshot may lack what was never told: it must be read again."""


class _Room:
    """The subscribers of one group on this node."""

    __slots__ = ("envelope", "epoch", "items", "syncing", "version", "waiting", "whole")

    def __init__(self, stream: str, group: str) -> None:
        self.envelope = Envelope(stream, group)
        self.whole: dict[Subscriber, Subscription] = {}
        """Those who follow the group."""
        self.items: dict[str, dict[Subscriber, Subscription]] = {}
        self.waiting: dict[Subscription, None] = {}
        """Those who read their snapshot, or whose snapshot is ahead of what was told here."""
        self.version: int | None = None
        """Of the last change that was told."""
        self.epoch = 0
        """How often lines were trimmed before they were told here."""
        self.syncing: tuple[int, Frame] | None = None
        """The snapshot of the whole group, while it is the newest."""

    @property
    def empty(self) -> bool:
        return not (self.whole or self.items or self.waiting)

    def add(self, subscription: Subscription) -> None:
        if subscription.id is None:
            self.whole[subscription.subscriber] = subscription
        else:
            self.items.setdefault(subscription.id, {})[subscription.subscriber] = subscription

    def remove(self, subscription: Subscription) -> bool:
        """Whether it was told of changes; what it has had is then noted."""
        if subscription in self.waiting:
            del self.waiting[subscription]
            return False
        if subscription.id is None:
            found = self.whole.pop(subscription.subscriber, None)
        else:
            subscribers = self.items.get(subscription.id, {})
            found = subscribers.pop(subscription.subscriber, None)
            if not subscribers:
                self.items.pop(subscription.id, None)
        if found is not None and self.version is not None:
            subscription.version = max(self.version, subscription.version or 0)
        return found is not None

    def live(self) -> list[Subscription]:
        return [*self.whole.values(), *(one for of in self.items.values() for one in of.values())]


class Hub:
    """Reads the change log while anybody listens, and tells each change to whom it concerns.

    *Concurrency*: all on one event loop. A group that nobody follows costs nothing but the reading of its
    lines. *Failure*: errors of the store are reported and tried again at the next signal.
    """

    def __init__(self, store: StreamStore, clock: Clock, report: Callable[[str], None]) -> None:
        self._store = store
        self._clock = clock
        self._report = report
        self._rooms: dict[tuple[str, str], _Room] = {}
        self._cursor: int | None = None
        """Line of the log up to which everything was told; None while nobody listens."""
        self._reading: asyncio.Task[None] | None = None
        self._again = False
        self._resyncs: set[asyncio.Task[None]] = set()
        self.told = 0
        """Frames given to subscribers."""

    async def follow(self, subscription: Subscription, since: int | None = None) -> None:
        """Tell the subscriber what is there, or what it missed after `since`, and from now on every change.

        *Cancellation*: it then follows nothing. *Failure*: `BackendError`, likewise.
        """
        self.leave(subscription)  # it may follow already, if it was told to go on twice
        if since is not None and subscription.version is not None:
            since = max(since, subscription.version)
        room = self._rooms.get(subscription.place)
        if room is None:
            room = self._rooms[subscription.place] = _Room(*subscription.place)
        kept: list[Frame] = []
        subscription.kept, subscription.again = kept, False
        room.waiting[subscription] = None
        try:
            if self._cursor is None:
                seq = await self._store.last_seq()
                self._cursor = seq if self._cursor is None else self._cursor
            version, frames = await self._catch_up(room, subscription, since)
            while subscription.again or len(kept) > _MOST_KEPT:
                subscription.again = False
                kept.clear()
                version, frames = await self._catch_up(room, subscription, None)
        except BaseException:
            if subscription.kept is kept:
                self.leave(subscription)
            raise
        if subscription.kept is not kept:
            return  # it left meanwhile, or began again
        since_snapshot = [frame for frame in kept if frame.version is None or frame.version > version]
        for frame in (*frames, *since_snapshot):
            if frame.version is not None:
                subscription.version = frame.version
            subscription.subscriber.tell(frame)
            self.told += 1
            if subscription.kept is not kept:
                return  # it reads too slowly, and left while it was told
        versions = [frame.version for frame in since_snapshot if frame.version is not None]
        version = versions[-1] if versions else version
        subscription.version, subscription.kept = version, None
        if room.version is not None and room.version >= version:
            del room.waiting[subscription]
            room.add(subscription)

    def leave(self, subscription: Subscription) -> None:
        """Tell the subscriber nothing more; what it has had can be asked of it. Safe twice."""
        subscription.kept = None
        room = self._rooms.get(subscription.place)
        if room is None:
            return
        room.remove(subscription)
        if room.empty:
            del self._rooms[subscription.place]
            if not self._rooms:
                self._cursor = None

    def changed(self) -> None:
        """The log may have grown."""
        if self._cursor is None:
            return
        self._again = True
        if self._reading is None:
            self._reading = asyncio.ensure_future(self._read())

    def tell_delta(self, stream: str, group: str, id: str, event: bytes) -> None:
        """Tell an event that is in no log to the subscribers of an item that know such events."""
        room = self._rooms.get((stream, group))
        if room is None:
            return
        frame = room.envelope.own(event, self._clock.now_ms(), id)
        for subscriber, subscription in tuple(room.whole.items()):
            if subscription.extended:
                subscriber.tell(frame)
        for subscriber, subscription in tuple(room.items.get(id, {}).items()):
            if subscription.extended and subscriber not in room.whole:
                subscriber.tell(frame)

    async def stop(self) -> None:
        """Read no more."""
        self._cursor = None
        tasks = [*self._resyncs, *([self._reading] if self._reading else [])]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    # Catching up ------------------------------------------------------------------------------------

    async def _catch_up(
        self, room: _Room, subscription: Subscription, since: int | None
    ) -> tuple[int, list[Frame]]:
        """The version the subscriber then has, and the frames that bring it there."""
        (stream, group), id_ = subscription.place, subscription.id
        if since is not None and subscription.extended:
            missed = await self._store.missed(stream, group, since, limit=_MOST_MISSED)
            if missed is not None:
                version = since + len(missed)
                resumed = room.envelope.own(RESUMED, self._clock.now_ms(), id_, since)
                concerned = [change for change in missed if id_ is None or change.id == id_]
                return version, [resumed, *map(room.envelope.change, concerned)]
        if id_ is None:
            version, frame = await self._sync(room, stream, group)
            return version, [frame]
        snapshot = await self._store.snapshot(stream, group, id_)
        item = snapshot.items[0] if snapshot.items else None
        if item is None and not subscription.extended:
            # Published clients expect no sync of nothing. One that comes back must learn of a deletion.
            deletion = await self._store.deletion(stream, group, id_)
            return snapshot.version, [room.envelope.change(deletion)] if deletion else []
        timestamp_ms = max(1, snapshot.timestamp_ms)
        return snapshot.version, [room.envelope.sync_item(id_, item, snapshot.version, timestamp_ms)]

    async def _sync(self, room: _Room, stream: str, group: str) -> tuple[int, Frame]:
        if room.syncing is not None:
            return room.syncing
        epoch = room.epoch
        snapshot = await self._store.snapshot(stream, group)
        timestamp_ms = max(1, snapshot.timestamp_ms)
        frame = room.envelope.sync_group(snapshot.items, snapshot.version, timestamp_ms)
        # What was read before lines went untold may lack them: it serves nobody else.
        newest = room.epoch == epoch and (room.version is None or snapshot.version >= room.version)
        if newest and len(frame.text) <= _MOST_KEPT_SYNC_BYTES:
            room.syncing = (snapshot.version, frame)
        return snapshot.version, frame

    # Telling ----------------------------------------------------------------------------------------

    async def _read(self) -> None:
        try:
            while self._again:
                self._again = False
                while await self._read_page():
                    pass
        except MotiaError as error:
            self._report(f"reading the change log failed: {error}")
            self._clock.call_later(_RETRY_S, self.changed)
        finally:
            self._reading = None

    async def _read_page(self) -> bool:
        """Tell the next changes; whether there may be more."""
        cursor = self._cursor
        if cursor is None:
            return False
        changes = await self._store.changes(cursor, limit=_PAGE)
        if changes is None:
            await self._start_again()
            return True
        if not changes or self._cursor is None:
            return False
        self._cursor = max(self._cursor, changes[-1].seq)
        by_place: dict[tuple[str, str], list[LoggedChange]] = {}
        for change in changes:
            by_place.setdefault((change.stream, change.group), []).append(change)
        told_before = self.told
        for place, of_place in by_place.items():
            room = self._rooms.get(place)
            if room is not None:
                self._tell(room, [room.envelope.change(change) for change in of_place])
            if self.told - told_before > _TOLD_BEFORE_YIELD:
                told_before = self.told
                await asyncio.ensure_future(_turn())
        return len(changes) == _PAGE

    def _tell(self, room: _Room, frames: list[Frame]) -> None:
        if room.waiting:
            # Each of them may become a follower like the others after any frame.
            for frame in frames:
                self._tell_together(room, [frame])
                self._tell_waiting(room, frame)
        else:
            self._tell_together(room, frames)

    def _tell_together(self, room: _Room, frames: list[Frame]) -> None:
        """Tell those who are up to date. What is told at once is written at once: a write costs more than a
        frame."""
        versions = [frame.version for frame in frames if frame.version is not None]
        if versions:
            room.version, room.syncing = versions[-1], None
        # Copies: one that reads too slowly leaves while it is told, and must have had all of this by then.
        whole = _together(frames)
        for subscriber in tuple(room.whole):
            subscriber.tell(whole)
        self.told += len(room.whole) * len(frames)
        if not room.items:
            return
        by_id: dict[str, list[Frame]] = {}
        for frame in frames:
            if frame.id in room.items:
                by_id.setdefault(frame.id, []).append(frame)
        for id_, of_item in by_id.items():
            burst = _together(of_item)
            for subscriber in tuple(room.items.get(id_, ())):
                # One frame a socket: clients hand it to all their subscriptions themselves.
                if subscriber not in room.whole:
                    subscriber.tell(burst)
                    self.told += len(of_item)

    def _tell_waiting(self, room: _Room, frame: Frame) -> None:
        told = {*room.whole, *room.items.get(frame.id or "", ())}
        for subscription in list(room.waiting):
            subscriber = subscription.subscriber
            concerned = subscription.id is None or subscription.id == frame.id
            if subscription.kept is not None:
                # An event that it got as a follower of something else, too, must not come twice.
                twice = frame.version is None and subscriber in told
                if concerned and not twice and len(subscription.kept) <= _MOST_KEPT:
                    subscription.kept.append(frame)
                continue
            have = subscription.version or 0
            if concerned and subscriber not in told and (frame.version is None or frame.version > have):
                subscription.version = max(have, frame.version or 0)
                subscriber.tell(frame)
                told.add(subscriber)
                self.told += 1
            if frame.version is not None and frame.version >= have and subscription in room.waiting:
                del room.waiting[subscription]
                room.add(subscription)

    async def _start_again(self) -> None:
        """Lines were trimmed before they were told: everybody starts again from what is there."""
        self._cursor = await self._store.last_seq()
        for room in list(self._rooms.values()):
            for subscription in [*room.live(), *room.waiting]:
                if subscription.kept is not None:
                    subscription.again = True
                    continue
                room.remove(subscription)
                kept = subscription.kept = []
                room.waiting[subscription] = None
                task = asyncio.ensure_future(self._follow_again(subscription, kept))
                self._resyncs.add(task)
                task.add_done_callback(self._resyncs.discard)
            room.version = room.syncing = None
            room.epoch += 1

    async def _follow_again(self, subscription: Subscription, kept: list[Frame]) -> None:
        if subscription.kept is not kept:
            return  # it left meanwhile
        try:
            await self.follow(subscription, subscription.version)
        except MotiaError as error:
            self._report(f"a subscriber could not catch up: {error}")


async def _turn() -> None:
    """Let the loop do other things once."""


def _together(frames: list[Frame]) -> Frame | Burst:
    return frames[0] if len(frames) == 1 else Burst(frames)
