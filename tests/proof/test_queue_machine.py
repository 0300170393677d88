"""Hypothesis drives queues, state and schedules of each backend beside small models of them."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from motia.backends.memory.backend import MemoryBackend
from motia.backends.memory.store import MemoryStore
from motia.backends.protocol import Backend
from motia.backends.sqlite.backend import SqliteBackend
from motia.core import batch as ops
from motia.core.flow import Flow, Limits
from motia.core.message import Claim, NewMessage, QueueName, TraceContext
from motia.errors import ConflictError

_Q = QueueName("topic", "step")
_NODES = (b"1" * 16, b"2" * 16)
_KEYS = st.sampled_from(["a", "b", "c"])
_NODE = st.sampled_from(_NODES)
_TRACE = TraceContext("a" * 32, "b" * 16)


class Machine(RuleBasedStateMachine):
    """Messages with groups and keys, their claims, and everything that may happen to both."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.now_ms = 1000
        self.number = 0
        self.live: dict[int, dict[str, Any]] = {}
        """Number of a message → what the model knows: status, group, key, failures."""
        self.claims: dict[int, Claim] = {}
        self.dead: list[int] = []
        self.paused = False
        self.state: dict[str, tuple[int, int]] = {}
        """Key → value and version."""
        self.fired: dict[str, int] = {}

    def make(self) -> Backend:
        raise NotImplementedError

    @initialize()
    def open(self) -> None:
        self.backend = self.make()
        self.loop.run_until_complete(self.backend.open())
        for node in _NODES:
            self.one(ops.RegisterNode(node, 1, 0))

    def teardown(self) -> None:
        if hasattr(self, "backend"):
            self.loop.run_until_complete(self.backend.close())
        self.loop.close()

    def one(self, operation: Any) -> Any:
        async def commit() -> Any:
            return (await self.backend.commit(ops.Batch((operation,))))[0]

        return self.loop.run_until_complete(commit())

    def id(self, number: int) -> bytes:
        return number.to_bytes(16, "big")

    # Messages

    @rule(
        group=st.none() | _KEYS,
        key=_KEYS,
        delayed=st.booleans(),
        priority=st.integers(-1, 1),
        taker=st.none() | _NODE,
        per_key=st.sampled_from([None, 1, 2]),
    )
    def enqueue(
        self,
        group: str | None,
        key: str,
        delayed: bool,
        priority: int,
        taker: bytes | None,
        per_key: int | None,
    ) -> None:
        self.number += 1
        due_ms = self.now_ms + 50 if delayed else None
        message = NewMessage(
            id=self.id(self.number),
            queue=_Q,
            payload=str(self.number).encode(),
            trace=_TRACE,
            enqueued_at_ms=self.now_ms,
            due_at_ms=due_ms,
            group=group,
            flow=Flow(concurrency_key=key, priority=priority),
            claim_for=taker,
            limits=Limits(key_concurrency=per_key) if per_key else None,
        )
        claim = self.one(ops.Enqueue(message))
        self.live[self.number] = {"due": due_ms, "group": group, "key": key, "priority": priority}
        if claim is None:
            return
        assert taker is not None
        assert (due_ms, group, self.paused) == (None, None, False)
        older = [
            one
            for one, other in self.live.items()
            if (other["key"], other["due"], other["group"]) == (key, None, None)
            and one not in self.claims
            and one != self.number
        ]
        self.claims[self.number] = claim
        if per_key is not None:
            assert not older, "claimed before an older one of its key"
            assert self.claimed_of(key) <= per_key

    def claimed_of(self, key: str) -> int:
        return sum(self.live[one]["key"] == key for one in self.claims)

    @rule(node=_NODE, limit=st.integers(1, 4), per_key=st.sampled_from([None, 1, 2]))
    def claim(self, node: bytes, limit: int, per_key: int | None) -> None:
        want = ops.WantedQueue(_Q, limit, Limits(key_concurrency=per_key))
        taken = self.one(ops.ClaimReady(node=node, wanted=[want], max_bytes=10_000, now_ms=self.now_ms))
        assert not (self.paused and taken)
        for claim in taken:
            number = int(claim.payload)
            model = self.live[number]
            assert number not in self.claims, "claimed twice"
            assert model["due"] is None, "claimed before its time"
            older = [
                one for one, other in self.live.items() if other["group"] == model["group"] and one < number
            ]
            assert model["group"] is None or not older, "a group was overtaken"
            self.claims[number] = claim
        if per_key is not None:
            for claim in taken:
                key = self.live[int(claim.payload)]["key"]
                if key is None:
                    continue
                assert self.claimed_of(key) <= per_key

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), how=st.sampled_from(["complete", "retry", "die", "unclaim"]))
    def settle(self, data: st.DataObject, how: str) -> None:
        number = data.draw(st.sampled_from(sorted(self.claims)))
        claim = self.claims.pop(number)
        if how == "unclaim":
            assert self.one(ops.Unclaim((claim,))) == 1
        elif how == "retry":
            due_ms = self.now_ms + 30
            self.one(ops.Settle(claim, ops.Rescheduled(due_ms, claim.failures + 1, b"{}")))
            self.live[number]["due"] = due_ms
        else:
            ends = ops.Completed() if how == "complete" else ops.Died("x", b"{}", 1, self.now_ms)
            self.one(ops.Settle(claim, ends))
            del self.live[number]
            if how == "die":
                self.dead.append(number)
        try:
            self.one(ops.Settle(claim, ops.Completed()))
        except ConflictError:
            return
        raise AssertionError("a claim was settled twice")

    @rule(by_ms=st.integers(1, 60))
    def wait(self, by_ms: int) -> None:
        self.now_ms += by_ms
        self.one(ops.PromoteDue(self.now_ms))
        for number, model in self.live.items():
            first = not any(
                other["group"] == model["group"] and one < number for one, other in self.live.items()
            )
            if model["due"] is not None and model["due"] <= self.now_ms and (model["group"] is None or first):
                model["due"] = None

    @precondition(lambda self: self.live)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.live)))
        (ended,) = self.one(ops.CancelMessages(frozenset((self.id(number),))))
        assert ended.id == self.id(number)
        assert (ended.ran_on is not None) == (number in self.claims)
        del self.live[number]
        self.claims.pop(number, None)

    @rule(node=_NODE)
    def crash(self, node: bytes) -> None:
        holder = self.holder
        self.one(ops.RecoverNode(node, frozenset(), 3, self.now_ms, b"{}"))
        self.one(ops.RegisterNode(node, 1, 0))
        held = {number for number in self.claims if holder[number] == node}
        for number in held:
            del self.claims[number]

    @rule()
    def pause_or_resume(self) -> None:
        self.one(ops.ResumeQueues() if self.paused else ops.PauseQueues(self.now_ms))
        self.paused = not self.paused

    @precondition(lambda self: self.dead)
    @rule()
    def redrive(self) -> None:
        assert self.one(ops.PurgeDead(queue=_Q)) == len(self.dead)
        self.dead.clear()

    @property
    def holder(self) -> dict[int, bytes]:
        async def read() -> dict[int, bytes]:
            found = await self.backend.queue.running(_Q, limit=1000)
            return {int.from_bytes(one.id, "big"): one.node or b"" for one in found}

        return self.loop.run_until_complete(read())

    @invariant()
    def depths_are_those_of_the_model(self) -> None:
        if not hasattr(self, "backend"):
            return

        async def read() -> Any:
            return {depth.queue: depth for depth in await self.backend.queue.depths()}.get(_Q)

        depth = self.loop.run_until_complete(read())
        if depth is not None:
            held = depth.ready + depth.scheduled + depth.blocked + depth.limited + depth.claimed
            assert (held, depth.claimed, depth.dead) == (len(self.live), len(self.claims), len(self.dead))

    def finish(self) -> None:
        """Whatever happened, what is left can be run to its end: nothing is stuck."""
        if self.paused:
            self.one(ops.ResumeQueues())
            self.paused = False
        for _ in range(len(self.live) * 3 + 3):
            self.now_ms += 1000
            self.wait(1)
            self.claim(_NODES[0], 4, 1)
            for number in sorted(self.claims):
                self.one(ops.Settle(self.claims.pop(number), ops.Completed()))
                del self.live[number]
        assert not self.live, "stuck"

    # State

    @rule(key=_KEYS, value=st.integers(0, 9), stale=st.booleans())
    def put_if_unchanged(self, key: str, value: int, stale: bool) -> None:
        _, version = self.state.get(key, (0, 0))
        guard = ops.StateVersion("s", key, version + stale)
        put = ops.StatePut(scope="s", key=key, value=str(value).encode(), now_ms=0)

        async def commit() -> Any:
            return (await self.backend.commit(ops.Batch((put,), (guard,))))[0]

        try:
            result = self.loop.run_until_complete(commit())
        except ConflictError:
            assert stale
            return
        assert not stale
        assert result.version > version
        self.state[key] = value, result.version

    @rule(key=_KEYS)
    def delete(self, key: str) -> None:
        result = self.one(ops.StateDelete(scope="s", key=key, now_ms=0))
        old = self.state.pop(key, None)
        assert (result.old is None) == (old is None)

    @rule(key=_KEYS)
    def read_state(self, key: str) -> None:
        async def read() -> Any:
            return await self.backend.state.get("s", key, 0)

        entry = self.loop.run_until_complete(read())
        found = None if entry is None else (int(entry.value), entry.version)
        assert found == self.state.get(key)

    # Schedules

    @rule(key=_KEYS, at_ms=st.integers(0, 20))
    def fire(self, key: str, at_ms: int) -> None:
        self.number += 1
        message = NewMessage(
            id=self.id(self.number),
            queue=_Q,
            payload=str(self.number).encode(),
            trace=_TRACE,
            enqueued_at_ms=0,
        )
        fired = self.one(ops.Fire(key=key, at_ms=at_ms, message=message))
        assert fired == (at_ms > self.fired.get(key, -1))
        if fired:
            self.fired[key] = at_ms
            self.live[self.number] = {"due": None, "group": None, "key": None, "priority": 0}


class MemoryMachine(Machine):
    def make(self) -> Backend:
        return MemoryBackend(MemoryStore(), _NODES[0])

    def teardown(self) -> None:
        if hasattr(self, "backend"):
            self.finish()
        super().teardown()


class SqliteMachine(Machine):
    def make(self) -> Backend:
        self.folder = tempfile.TemporaryDirectory()

        async def made() -> Backend:
            return SqliteBackend(Path(self.folder.name) / "motia.db", _NODES[0])

        return self.loop.run_until_complete(made())

    def teardown(self) -> None:
        if hasattr(self, "backend"):
            self.finish()
        super().teardown()
        if hasattr(self, "folder"):
            self.folder.cleanup()


TestMemoryMachine = MemoryMachine.TestCase
TestMemoryMachine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestSqliteMachine = SqliteMachine.TestCase
TestSqliteMachine.settings = settings(max_examples=25, stateful_step_count=40, deadline=None)
