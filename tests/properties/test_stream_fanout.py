"""R10 under random schedules: writers and subscribers on several nodes, cuts, slow reads, a trimmed log.

Every subscriber sees a snapshot at some version and then every change after it, without gap, and ends equal
to the store. A failing seed is part of the test's name.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from motia.backends.memory.backend import MemoryBackend
from motia.backends.memory.store import MemoryStore
from motia.backends.protocol import Backend
from motia.backends.sqlite.backend import SqliteBackend
from motia.core.batch import Batch, Operation, StreamDelete, StreamPut, StreamSend, StreamUpdate, TrimChanges
from motia.core.clock import SystemClock, Timer
from motia.core.update import UpdateOperation
from motia.errors import BackendError
from motia.streams.hub import Hub, Subscription
from motia.streams.messages import Burst, Frame

SEEDS = range(200)
GROUPS = ("a", "b")
IDS = ("1", "2", "3", "4")
NODES = 3


class _Soon(SystemClock):
    """Nothing waits: what is due later is due now."""

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Timer:
        return asyncio.get_running_loop().call_soon(callback)


class _Slow:
    """Reads of a store that take a random number of turns of the loop, and sometimes fail."""

    def __init__(self, store: Any, rng: random.Random) -> None:
        self._store = store
        self._rng = rng

    def __getattr__(self, name: str) -> Callable[..., asyncio.Future[Any]]:
        async def read(*arguments: Any, **keywords: Any) -> Any:
            await turns(self._rng.randrange(4))
            if name == "changes" and self._rng.random() < 0.05:
                raise BackendError("a read failed", code="backend.unavailable")
            found = await getattr(self._store, name)(*arguments, **keywords)
            await turns(self._rng.randrange(4))
            return found

        return lambda *arguments, **keywords: asyncio.ensure_future(read(*arguments, **keywords))


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


class Replica:
    """A client that knows versions: it asserts that no change is missed or comes twice."""

    extended = True

    def __init__(self, group: str, id: str | None) -> None:
        self.group = group
        self.id = id
        self.items: dict[str, Any] = {}
        self.version: int | None = None
        self.connected = True
        self.subscription: Subscription | None = None
        self.after_each: Callable[[], None] = lambda: None

    def tell(self, frame: Frame | Burst) -> None:
        for one in frame.frames:
            self._take(one)
        self.after_each()

    def _take(self, frame: Frame) -> None:
        assert self.connected, "told after it had left"
        told = json.loads(frame.text)
        assert told["groupId"] == self.group
        assert self.id in (None, told.get("id")), "told of another item"
        kind, version = told["event"]["type"], told.get("version")
        if kind == "event":
            return
        if kind == "resumed":
            # Of a group that changes elsewhere the server may know more than one item's follower.
            assert version == self.version or (self.id is not None and version > (self.version or 0))
            self.version = version
            return
        if kind == "sync":
            assert self.version is None or version >= self.version, "went back in time"
            found = told["event"]["data"]
            found = found if self.id is None else [found] if found else []
            self.items = {item["id"]: item for item in found}
        else:
            assert self.version is not None, "told of a change before anything else"
            begins = kind == "create" and not self.items  # which a group does at any version
            if self.id is None and not begins:
                assert version == self.version + 1, f"expected {self.version + 1}, got {version}"
            assert version > self.version
            self._apply(kind, told["event"]["data"])
        self.version = version

    def _apply(self, kind: str, item: Any) -> None:
        assert (item["id"] in self.items) is (kind != "create")
        if kind == "delete":
            del self.items[item["id"]]
        else:
            self.items[item["id"]] = item

    @property
    def since(self) -> int | None:
        return self.version


class PublishedGroup(Replica):
    """The rules by which the published clients follow a group."""

    extended = False

    def __init__(self, group: str, id: str | None) -> None:
        super().__init__(group, id)
        self._stamps: dict[str, int] = {}
        self._synced_at = 0

    def _take(self, frame: Frame) -> None:
        told = json.loads(frame.text)
        kind, stamp, item = told["event"]["type"], told["timestamp"], told["event"].get("data")
        if kind == "sync":
            if stamp >= self._synced_at:
                self._synced_at = stamp
                self.items = {one["id"]: one for one in item}
                self._stamps = dict.fromkeys(self.items, stamp)
        elif kind == "create":
            self.items.setdefault(item["id"], item)
        elif kind == "update" and item["id"] in self.items and stamp > self._stamps.get(item["id"], 0):
            self.items[item["id"]] = item
            self._stamps[item["id"]] = stamp
        elif kind == "delete":
            self.items.pop(item["id"], None)

    @property
    def since(self) -> None:
        return None


class PublishedItem(PublishedGroup):
    """The rules by which the published clients follow one item."""

    def _take(self, frame: Frame) -> None:
        told = json.loads(frame.text)
        if told["timestamp"] <= self._synced_at or told["event"]["type"] == "event":
            return
        self._synced_at = told["timestamp"]
        item = told["event"]["data"]
        self.items = {} if told["event"]["type"] == "delete" else {item["id"]: item}


class World:
    """Nodes over one storage, and what happens to them."""

    def __init__(self, rng: random.Random, backends: list[Backend]) -> None:
        self.rng = rng
        self.backends = backends
        self.reports: list[str] = []
        self.pauses: list[asyncio.Task[None]] = []
        self.hubs = [
            Hub(_Slow(backend.streams, rng), _Soon(), self.reports.append)  # type: ignore[arg-type]
            for backend in backends
        ]
        for backend, hub in zip(backends, self.hubs, strict=True):
            backend.on_change(hub.changed)
        self.now_ms = 1_700_000_000_000

    def _operation(self) -> Operation:
        rng = self.rng
        self.now_ms += rng.randrange(-3, 3)  # clocks go back, too
        group, id_ = rng.choice(GROUPS), rng.choice(IDS)
        place: dict[str, Any] = {"stream": "s", "group": group, "id": id_, "now_ms": self.now_ms}
        kind = rng.random()
        if kind < 0.4:
            return StreamPut(**place, data=json.dumps({"id": id_, "n": rng.random()}).encode())
        if kind < 0.6:
            return StreamUpdate(**place, operations=[UpdateOperation("increment", ("hits",), 1)])
        if kind < 0.85:
            return StreamDelete(**place)
        if kind < 0.95:
            return StreamSend(**place, event=b'{"type":"t","data":null}')
        return TrimChanges(before_ms=0, keep=rng.randrange(20))

    async def write(self, count: int) -> None:
        for _ in range(count):
            backend = self.rng.choice(self.backends)
            await backend.commit(Batch([self._operation() for _ in range(self.rng.randrange(1, 4))]))
            await turns(self.rng.randrange(6))

    async def follow(self, replica: Replica, cuts: int) -> tuple[Hub, Subscription]:
        """Connect to one node after the other, cut in the middle of whatever happens; stay at the last."""
        rng = self.rng
        for remaining in range(cuts, -1, -1):
            hub = rng.choice(self.hubs)
            subscription = Subscription(replica, "s", replica.group, replica.id, replica.extended)
            replica.connected, replica.subscription = True, subscription
            replica.after_each = partial(self._perhaps_pause, hub, subscription, replica)
            following = asyncio.ensure_future(hub.follow(subscription, replica.since))
            if remaining == 0:
                await following
                return hub, subscription
            await turns(rng.randrange(25))
            if rng.random() < 0.3 and following.done():
                # A slow reader: told nothing for a while, then again on the same connection.
                hub.leave(subscription)
                await turns(rng.randrange(15))
                await hub.follow(subscription, subscription.version)
                await turns(rng.randrange(15))
            following.cancel()
            hub.leave(subscription)
            replica.connected, replica.subscription = False, None
            await turns(rng.randrange(10))
        raise AssertionError

    def _perhaps_pause(self, hub: Hub, subscription: Subscription, replica: Replica) -> None:
        """A connection whose buffer is full leaves in the middle of being told, and catches up later."""
        if self.rng.random() < 0.05 and replica.subscription is subscription:
            hub.leave(subscription)
            task = asyncio.ensure_future(self._go_on(hub, subscription, replica))
            self.pauses.append(task)

    async def _go_on(self, hub: Hub, subscription: Subscription, replica: Replica) -> None:
        await turns(self.rng.randrange(10))
        if replica.subscription is subscription:
            await hub.follow(subscription, subscription.version)

    async def agrees_with(self, replica: Replica) -> bool:
        """Whether a client has what the store has."""
        store = self.backends[0].streams
        snapshot = await store.snapshot("s", replica.group, replica.id)
        if replica.items == {item.id: json.loads(item.data) for item in snapshot.items}:
            return True
        # Their wire has no word for "there is no such item": they learn it from the log, while it tells.
        if isinstance(replica, PublishedItem) and replica.id is not None and not snapshot.items:
            return await store.deletion("s", replica.group, replica.id) is None
        return False


async def _run(rng: random.Random, backends: list[Backend]) -> None:
    for backend in backends:
        await backend.open()
    world = World(rng, backends)
    replicas: list[Replica] = [
        kind(rng.choice(GROUPS), id_)
        for kind, id_ in (
            (Replica, None),
            (Replica, None),
            (Replica, rng.choice(IDS)),
            (PublishedGroup, None),
            (PublishedItem, rng.choice(IDS)),
        )
    ]
    try:
        async with asyncio.timeout(30):
            _, *followed = await asyncio.gather(
                asyncio.gather(*(world.write(15) for _ in range(3))),
                *(world.follow(replica, rng.randrange(6)) for replica in replicas),
            )
            for replica in replicas:
                while not await world.agrees_with(replica):
                    for hub in world.hubs:
                        hub.changed()
                    await asyncio.sleep(0)
        for replica, (hub, subscription) in zip(replicas, followed, strict=True):
            replica.subscription = None
            hub.leave(subscription)
        await asyncio.gather(*world.pauses)
    finally:
        for hub in world.hubs:
            await hub.stop()
        for backend in backends:
            await backend.close()


@pytest.mark.parametrize("block", range(10))
def test_every_subscriber_ends_equal_to_the_store(block: int) -> None:
    for seed in SEEDS[block::10]:
        store = MemoryStore()
        nodes: list[Backend] = [MemoryBackend(store, bytes([number] * 16)) for number in range(NODES)]
        try:
            asyncio.run(_run(random.Random(seed), nodes))
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise


@pytest.mark.parametrize("seed", range(3))
def test_over_a_file_that_nodes_share(seed: int, tmp_path: Path) -> None:
    async def main() -> None:
        nodes: list[Backend] = [
            SqliteBackend(tmp_path / "motia.db", bytes([n] * 16), folder_for_sockets=tmp_path / "run")
            for n in range(1, 3)
        ]
        await _run(random.Random(seed), nodes)

    asyncio.run(main())
