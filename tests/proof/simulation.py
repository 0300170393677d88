"""A whole system in one loop, on a virtual clock: nodes that die between any two instants, storage that
refuses or answers for nothing, steps that do what steps do. One seed is one run."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simulated_runs import SimulatedRuns

from motia.backends.liveness import Crashed, Running
from motia.backends.memory.backend import MemoryBackend
from motia.backends.memory.store import MemoryStore, Standing
from motia.backends.protocol import Otherwise, Then, answered
from motia.core import batch as ops
from motia.core.calls import Calls, EnqueueRequest
from motia.core.clock import SystemEntropy
from motia.core.flow import Batching, Debounce, Dedupe, KeyedConcurrency, RateLimit
from motia.core.ids import Ids
from motia.core.invocation import (
    Cancelled,
    Failed,
    Invocation,
    Outcome,
    Released,
    RetryLater,
    Succeeded,
    Suspended,
    TimedOut,
)
from motia.core.message import Claim, MessageId, NodeId, QueueName, TraceContext
from motia.core.registry import Registry, build_registry
from motia.core.retry import RetryPolicy
from motia.core.step import Source, Step
from motia.core.trigger import QueuePolicy, QueueTrigger
from motia.core.workflow import Compensating, RunId, Suspend
from motia.engine.engine import Engine
from motia.errors import BackendError, HandlerError, MotiaError
from motia.settings import Settings
from motia.testing.clock import ManualClock
from motia.tracing.recorder import Recorder
from motia.tracing.redaction import Redactor
from motia.workflow.approvals import ApprovalLinks

POLICIES = {
    "plain": QueuePolicy(retry=RetryPolicy(attempts=3, delay_s=0.5)),
    "few": QueuePolicy(concurrency=2, retry=RetryPolicy(attempts=2, delay_s=0.2)),
    "keyed": QueuePolicy(concurrency_by_key=KeyedConcurrency(limit=1, key="key")),
    "rated": QueuePolicy(rate_limit=RateLimit(limit=3, period_s=2.0)),
    "rated_by_key": QueuePolicy(rate_limit=RateLimit(limit=1, period_s=1.0, key="key")),
    "ordered": QueuePolicy(fifo=True, group_by="key", retry=RetryPolicy(attempts=3, delay_s=0.3)),
    "urgent": QueuePolicy(priority="number"),
    "bundled": QueuePolicy(batch=Batching(size=4, wait_s=0.3)),
    "debounced": QueuePolicy(debounce=Debounce(period_s=0.5, key="key", max_wait_s=2.0)),
    "once": QueuePolicy(dedupe=Dedupe(window_s=3.0, key="key")),
    "perishable": QueuePolicy(ttl_s=3.0, concurrency=1),
    "saga": QueuePolicy(retry=RetryPolicy(attempts=3, delay_s=0.3)),
}
_KEYS = ("a", "b", "c")
_QUIET_LIMIT_S = 4000.0
Delivery = tuple[MessageId, QueueName]


@dataclass
class History:
    """What the store was seen to do: the judge of a run."""

    stored: dict[Delivery, int] = field(default_factory=dict)
    """Its number, for every delivery that was ever stored."""
    accepted: list[tuple[MessageId, str]] = field(default_factory=list)
    """Messages whose sender was told so, and the topic."""
    answered: dict[MessageId, MessageId] = field(default_factory=dict)
    """Message that was not stored → the one that stands for it."""
    ends: dict[Delivery, list[str]] = field(default_factory=lambda: defaultdict(list))
    group_ends: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    starts: dict[tuple[str, str], list[tuple[int, bool]]] = field(default_factory=lambda: defaultdict(list))
    """(queue, key) → when a claim was made, and whether it was of a suspect."""
    shapes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


class SimulatedClock(ManualClock):
    """Everything here lives on one loop, so that it is known exactly when nothing is left to do."""

    async def advance(self, seconds: float) -> None:
        loop: Any = asyncio.get_running_loop()
        end_s = self._end_s = self._monotonic_s + seconds
        while True:
            while loop._ready:
                await asyncio.sleep(0)
            if not self._timers or self._timers[0][0] > end_s:
                break
            due_s, _, timer = heapq.heappop(self._timers)
            if timer.callback is not None:
                self._move_to(due_s)
                timer.callback()
        self._move_to(end_s)


class World:
    """What the nodes share, and what happens to them."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.clock = SimulatedClock()
        self.store = MemoryStore()
        self.history = History()
        self.nodes: list[SimulatedNode] = []
        self.work: list[asyncio.Task[None]] = []
        self.calm = False
        """No more faults: what is left must come to its end."""
        self.registry = _registry()
        self.ids = Ids(self.clock, SystemEntropy(seed))
        self.settings = Settings.model_validate(
            {
                "project_dir": Path(),
                "port": 0,
                "drain_s": 1.0,
                "tracing": {"enabled": False},
                "queue": {
                    "concurrency": 8,
                    "claim_ahead": 12,
                    "handler_timeout_s": 20.0,
                    "cancel_grace_s": 1.0,
                },
            }
        )
        self.runs = SimulatedRuns(self.chance, self.history.shapes, self.history.wrong)
        self.running: dict[str, dict[tuple[int, MessageId], Crashed]] = {}
        self.alive: dict[str, bool] = {}

    def start_node(self) -> None:
        node = SimulatedNode(self, len(self.nodes))
        self.nodes.append(node)
        self.history.shapes["node started"] += 1
        self.work.append(asyncio.ensure_future(node.start()))

    def signal(self, run: str, name: str) -> None:
        """A signal comes, sooner or later."""

        async def send() -> None:
            await self.clock.sleep(self.chance.random() * 10)
            if self.living:
                engine = self.chance.choice(self.living).engine
                with contextlib.suppress(BackendError):
                    await engine.backend.commit(ops.Batch((engine.signal_post(run, name, 1),)))

        self.work.append(asyncio.ensure_future(send()))

    @property
    def living(self) -> list[SimulatedNode]:
        return [node for node in self.nodes if node.alive]

    # What the store is seen to do --------------------------------------------------------------------

    def note(self, operation: Any, result: Any) -> None:
        history = self.history
        if isinstance(operation, ops.Enqueue):
            message = operation.message
            if isinstance(result, ops.Duplicate):
                history.answered[message.id] = result.id
                history.shapes["duplicate"] += 1
            else:
                number = self.store.seq_of.get((message.id, message.queue), 0)
                history.stored.setdefault((message.id, message.queue), number)
            if isinstance(result, ops.Replaced):
                self.end((result.id, message.queue), "replaced")
            if isinstance(result, Claim):
                self._note_claim(result)
        elif isinstance(operation, ops.Settle):
            settlement, claim = operation.settlement, operation.claim
            if isinstance(settlement, ops.Completed):
                self.end((claim.id, claim.queue), "completed", claim)
            elif isinstance(settlement, ops.Died):
                crashed = settlement.code == "worker.crashed"
                self.end((claim.id, claim.queue), "dead of crashes" if crashed else "dead", claim)
                if settlement.failures > 6:
                    history.wrong.append(f"{settlement.failures} failures of {claim.queue}")
            elif isinstance(settlement, ops.Suspended):
                history.shapes["suspended"] += 1
            else:
                history.shapes["retried"] += 1
        elif isinstance(operation, ops.ClaimReady):
            for claim in result:
                self._note_claim(claim)
        elif isinstance(operation, ops.CancelMessages | ops.ExpireMessages):
            what = "cancelled" if isinstance(operation, ops.CancelMessages) else "expired"
            for one in result:
                if not one.undoes:
                    self.end((one.id, one.queue), what)
        elif isinstance(operation, ops.JournalPut | ops.RunEnd):
            self.runs.note(operation)
        elif isinstance(operation, ops.Redrive):
            history.shapes["redriven"] += result

    def _note_claim(self, claim: Claim) -> None:
        delivery = self.store.deliveries[claim.queue][claim.seq]
        key = delivery.flow.rate_key or ""
        self.history.starts[claim.queue.topic, key].append((self.clock.now_ms(), claim.suspect))
        if claim.suspect:
            self.history.shapes["suspect"] += 1

    def end(self, delivery: Delivery, what: str, claim: Claim | None = None) -> None:
        self.history.ends[delivery].append(what)
        self.history.shapes[what] += 1
        if claim is not None and claim.group is not None:
            self.history.group_ends[claim.group].append(claim.seq)

    def look_at_limits(self) -> None:
        """After every commit: no queue and no key has more claims than its policy allows."""
        for queue, table in self.store.deliveries.items():
            policy = POLICIES.get(queue.topic)
            if policy is None:
                continue
            held = [one for one in table.values() if one.standing is Standing.CLAIMED]
            if not held:
                continue
            if policy.concurrency is not None and len(held) > policy.concurrency:
                self.history.wrong.append(f"{len(held)} claims of {queue.topic}")
            if policy.concurrency_by_key is not None:
                of_key = Counter(one.flow.concurrency_key for one in held)
                if of_key and max(of_key.values()) > policy.concurrency_by_key.limit:
                    self.history.wrong.append(f"{of_key} of {queue.topic}")
            groups = Counter(one.group for one in held if one.group is not None)
            if groups and max(groups.values()) > 1:
                self.history.wrong.append(f"two of a group of {queue.topic} at once")


class MortalBackend(MemoryBackend):
    """The memory backend of one node: it fails as storage fails, and ends with the node."""

    def __init__(self, world: World, node: SimulatedNode) -> None:
        super().__init__(world.store, node.id)
        self._world = world
        self._owner = node

    def commit(
        self, batch: ops.Batch, then: Then | None = None, otherwise: Otherwise | None = None
    ) -> asyncio.Future[Any]:
        world, node = self._world, self._owner
        never: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if not node.alive:
            return never
        fault = "" if world.calm else _fault(world.chance)
        if fault:
            world.history.shapes[fault] += 1
        if fault == "dies before a commit":
            node.die()
            return never
        if fault == "storage refuses":
            return answered(BackendError("the disk says no", code="backend.full"), then, otherwise)
        dead_before = len(world.store.dead)
        done = super().commit(batch)  # its caller is told below
        if done.exception() is None:
            died = sum(
                isinstance(one, ops.Settle) and isinstance(one.settlement, ops.Died)
                for one in batch.operations
            )
            if len(world.store.dead) > dead_before + died:
                world.history.wrong.append("a death that nobody was told of")
            for operation, result in zip(batch.operations, done.result(), strict=True):
                world.note(operation, result)
            world.look_at_limits()
        if fault == "dies after a commit":
            node.die()
            return never
        if fault == "storage answers for nothing":
            error = BackendError("it may have been stored", code="backend.unavailable")
            return answered(error, then, otherwise)
        return answered(done.exception() or done.result(), then, otherwise)

    def _wake(self) -> None:
        if self._owner.alive:
            super()._wake()


def _fault(chance: random.Random) -> str:
    number = chance.random()
    for share, fault in (
        (0.004, "dies before a commit"),
        (0.008, "dies after a commit"),
        (0.018, "storage refuses"),
        (0.024, "storage answers for nothing"),
    ):
        if number < share:
            return fault
    return ""


class MortalClock:
    """The world's clock, for as long as the node lives."""

    def __init__(self, world: World, node: SimulatedNode) -> None:
        self._clock = world.clock
        self._owner = node
        self.now_ms = self._clock.now_ms
        self.monotonic_s = self._clock.monotonic_s

    def call_later(self, delay_s: float, callback: Callable[[], None], *, backstop: bool = False) -> Any:
        return self._clock.call_later(
            delay_s, lambda: callback() if self._owner.alive else None, backstop=backstop
        )

    async def sleep(self, delay_s: float, *, backstop: bool = False) -> None:
        await self._clock.sleep(delay_s, backstop=backstop)
        if not self._owner.alive:
            await asyncio.get_running_loop().create_future()


class SimulatedNode:
    """One node; also its liveness and the runtime of its steps."""

    language = "python"
    unready = worn = None

    def __init__(self, world: World, number: int) -> None:
        self.world = world
        self.id: NodeId = world.ids.message_id()
        self.lock_path = f"lock-{number}"
        self.alive = True
        world.alive[self.lock_path] = True
        world.running[self.lock_path] = {}
        self.backend = MortalBackend(world, self)
        clock = MortalClock(world, self)
        self.engine = Engine(
            registry=world.registry,
            backend=self.backend,
            liveness=self,
            lock_path=self.lock_path,
            runtimes={"python": self},
            settings=world.settings,
            recorder=Recorder(world.clock.now_ms),
            redactor=Redactor(),
            clock=clock,
            entropy=SystemEntropy(world.chance.randrange(2**32)),
            node_id=self.id,
            pid=number,
            flush_traces=_nothing,
            approval_links=ApprovalLinks(lambda: b"key", "http://simulated"),
        )

    async def start(self) -> None:
        await self.backend.open()
        while self.alive:
            try:
                await self.engine.start()
                return
            except BackendError:
                continue

    def die(self) -> None:
        """`kill -9`: from now on nothing of it happens."""
        if self.alive:
            self.alive = False
            self.world.alive[self.lock_path] = False
            self.world.history.shapes["killed"] += 1

    # Liveness

    def started(self, claim: Claim, trace: TraceContext, started_ms: int) -> None:
        crashed = Crashed(claim.seq, claim.id, trace, "", started_ms, claim.queue.step)
        self.world.running[self.lock_path][claim.seq, claim.id] = crashed

    def ended(self, claim: Claim) -> None:
        if self.alive:
            self.world.running[self.lock_path].pop((claim.seq, claim.id), None)

    def other_work(self, running: Sequence[Running]) -> None: ...

    def elsewhere(self) -> Sequence[Running]:
        return ()

    def find_dead(self, lock_path: str) -> tuple[bool, Sequence[Crashed] | None]:
        return not self.world.alive[lock_path], list(self.world.running[lock_path].values())

    def forget(self, lock_path: str) -> None: ...

    # Runtime

    async def load(self, project_dir: Path, files: Sequence[Path]) -> Any: ...

    def prepare(self, registry: Registry) -> list[MotiaError]:
        return []

    async def call(self, function: str, arguments: Sequence[Any], calls: Calls) -> Any: ...

    def close(self) -> None: ...

    async def invoke(self, invocation: Invocation, calls: Calls) -> Outcome:
        chance, world = self.world.chance, self.world
        try:
            await self.engine.clock.sleep(chance.choice((0.0, 0.0, 0.01, 0.1, 0.5, 2.0)))
            does = "succeed" if world.calm else chance.choices(_DOES, _WEIGHTS)[0]
            world.history.shapes[does] += 1
            if does == "enqueue":
                topic = chance.choice(list(POLICIES))
                data = {"key": chance.choice(_KEYS), "number": chance.randrange(10)}
                (own,) = await calls.enqueue([EnqueueRequest(data, topic=topic)])
                world.history.accepted.append((bytes.fromhex(own.replace("-", "")), topic))
            elif does == "fail":
                return Failed(HandlerError("no"))
            elif does == "give up":
                return Failed(HandlerError("never"), retryable=False)
            elif does == "come back":
                return RetryLater(chance.random() * 3, counts=chance.random() < 0.5)
            elif does == "hang":
                await self.engine.clock.sleep(1000)
            elif does == "cancel itself":
                return Cancelled("enough")
            elif does == "kill its process" and invocation.claim is not None:
                self.die()
                await asyncio.get_running_loop().create_future()
            if invocation.claim is not None and invocation.claim.queue.topic == "saga":
                run = RunId(invocation.claim.id, invocation.step.name)
                return await world.runs.handle(run, calls, self.engine.clock, world.signal)
            return Succeeded()
        except Suspend as suspend:
            return Suspended(suspend.due_at_ms, suspend.waits)
        except Compensating:
            return Cancelled("the run is being undone")
        except asyncio.CancelledError:
            if calls.stop_reason is None:
                raise
            if calls.stop_reason == "cancelled":
                return Cancelled("from outside", from_outside=True)
            return TimedOut(calls.timeout_s) if calls.stop_reason == "timed_out" else Released()
        except MotiaError as error:
            return Failed(error, retryable=not isinstance(error, HandlerError) or error.retryable)


_DOES = ("succeed", "enqueue", "fail", "give up", "come back", "hang", "cancel itself", "kill its process")
_WEIGHTS = (60, 12, 12, 3, 5, 2, 2, 3)


def _registry() -> Registry:
    return build_registry(
        Step(
            name=f"take_{topic}",
            source=Source(path="simulated.py", line=1),
            triggers=(QueueTrigger(topic=topic, policy=policy),),
            handler="handler",
        )
        for topic, policy in POLICIES.items()
    )


async def _nothing() -> None: ...


async def _send(world: World) -> None:
    if not world.living:
        return
    node = world.chance.choice(world.living)
    topic = world.chance.choice(list(POLICIES))
    data = {"key": world.chance.choice(_KEYS), "number": world.chance.randrange(10)}
    delay_s = world.chance.choice((None, None, None, 0.7, 5.0))
    with contextlib.suppress(BackendError):
        (message,) = await node.engine.enqueue(EnqueueRequest(data, topic=topic, delay_s=delay_s))
        world.history.accepted.append((message.id, topic))


async def _disturb(world: World) -> None:
    """What people do to a running system."""
    chance, history = world.chance, world.history
    if not world.living:
        return
    node = chance.choice(world.living)
    waiting = list(world.store.in_order(list(world.store.deliveries)))
    what = chance.choice(("cancel", "pause", "resume", "move", "kill", "join", "drain", "jump", "redrive"))
    history.shapes[what] += 1
    with contextlib.suppress(BackendError):
        if what == "cancel" and waiting:
            await node.engine.interventions.cancel([chance.choice(waiting).id])
        elif what == "pause":
            await node.engine.interventions.pause(topic=chance.choice(list(POLICIES)))
        elif what == "resume":
            await node.engine.interventions.resume(everything=True)
        elif what == "move" and waiting:
            due_ms = chance.choice((None, world.clock.now_ms() + 2000))
            await node.engine.interventions.move([chance.choice(waiting).id], due_ms)
        elif what == "kill":
            node.die()
        elif what == "join" and len(world.living) < 4:
            world.start_node()
        elif what == "drain" and len(world.living) > 1:
            await node.engine.drain()
            await node.engine.stop()
            node.die()
        elif what == "jump":
            world.clock.jump(chance.choice((-30.0, -2.0, 2.0, 30.0)))


async def simulate(seed: int) -> History:
    """One run: load and faults for a while, then calm until nothing is left."""
    world = World(seed)
    chance, history = world.chance, world.history
    for _ in range(chance.randint(1, 3)):
        world.start_node()
    await world.clock.advance(0)
    for _ in range(chance.randint(8, 20)):
        if not world.living:
            world.start_node()
            await world.clock.advance(0)
        for _ in range(chance.randint(0, 4)):
            world.work.append(asyncio.ensure_future(_send(world)))
        if chance.random() < 0.3:
            world.work.append(asyncio.ensure_future(_disturb(world)))
        await world.clock.advance(chance.choice((0.0, 0.01, 0.1, 0.5, 1.5, 6.0)))
    world.calm = world.runs.calm = True
    world.start_node()
    await world.clock.advance(1)
    await world.nodes[-1].engine.interventions.resume(everything=True)
    passed_s = 0.0
    while any(world.store.deliveries.values()) and passed_s < _QUIET_LIMIT_S:
        await world.clock.advance(10)
        passed_s += 10
    _judge(world)
    world.history.wrong += [repr(task.exception()) for task in world.work if task.done() and task.exception()]
    for node in world.nodes:
        node.alive = False
    # What ends here may let something start that waited for it.
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
    return history


def _judge(world: World) -> None:
    history, wrong = world.history, world.history.wrong
    left = [
        (one.queue.topic, one.standing.value) for one in world.store.in_order(list(world.store.deliveries))
    ]
    if left:
        wrong.append(f"never ended: {left}")
    for delivery, ends in history.ends.items():
        if delivery not in history.stored:
            wrong.append(f"unexpected: {delivery[1].topic} ended, but was never stored")
        if len(ends) != 1:
            wrong.append(f"{delivery[1].topic}: one outcome expected, got {ends}")
    for delivery in history.stored:
        if not history.ends[delivery] and not left:
            wrong.append(f"{delivery[1].topic}: gone without an outcome")
    stored_ids = {id_ for id_, _ in history.stored}
    for id_, topic in history.accepted:
        if id_ not in stored_ids and id_ not in history.answered:
            wrong.append(f"lost: a message of {topic} was accepted and never stored")
    for group, numbers in history.group_ends.items():
        if numbers != sorted(numbers):
            wrong.append(f"group {group}: ended in the order {numbers}")
    for topic, policy in POLICIES.items():
        rate = policy.rate_limit
        if rate is None or history.shapes["jump"]:
            continue
        for (of_topic, key), starts in history.starts.items():
            times_ms = sorted(at_ms for at_ms, suspect in starts if of_topic == topic and not suspect)
            for first, last in zip(times_ms, times_ms[rate.limit :], strict=False):
                if last - first < rate.period_s * 1000:
                    wrong.append(f"{topic} {key}: more than {rate.limit} starts within {last - first} ms")
